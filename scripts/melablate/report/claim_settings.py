"""What a project said of a row, and by which figure that can be judged."""

from typing import Literal

from pydantic import model_validator

from ..settings import Settings

ClaimMetric = Literal[
    "text_audio_similarity", "diversity", "diversity_cosine", "frechet_distance", "seconds"
]


class Claim(Settings):
    """What the seed project said of this row."""

    verdict: Literal["improved", "worse", "indeterminate", "none"] = "none"
    """Its mark: ✅, ❌, indeterminate; none where it made no claim."""
    words: str = ""
    """Its words."""
    metric: ClaimMetric | None = None
    """The figure that the words are about, by which the claim is judged: `diversity` for mode
    collapse and variety (improved: more of it), `seconds` for the time of training; none where
    no metric measures it, and then nothing is said of agreement."""
    prompts_without: tuple[str, ...] = ()
    """Judge it on those prompts alone that have none of these words, as in `exclude_words`."""

    @model_validator(mode="after")
    def _by_prompt(self) -> "Claim":
        if self.prompts_without and self.metric != "text_audio_similarity":
            raise ValueError(
                "prompts_without needs a metric of single prompts: set metric to "
                "text_audio_similarity, or leave prompts_without out"
            )
        return self
