"""The config model: every option of a study and of an arm, with its default and meaning."""

from collections import Counter
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from .audio.clip_settings import Clips
from .audio.codecs.mel_db.settings import MelDb
from .audio.export_settings import Export
from .audio.settings import Spectrogram
from .audio.shard_settings import Shards
from .corpus.settings import Corpus
from .fetch.settings import Fetch
from .metrics.settings import Scores
from .models.settings import Base, Embedder
from .report.claim_settings import Claim
from .report.page_settings import Report
from .report.settings import Table
from .sampling.settings import Prompts, Sample
from .settings import Settings
from .training.checkpoint_settings import Checkpoint
from .training.latents_settings import Latents
from .training.settings import Train
from .watching.settings import Watch

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Seed = Annotated[int, Field(ge=0)]
FIXED_ROWS = ("untuned-base", "codec-ceiling", "autoencoder-ceiling", "real-audio")
WITHOUT_BASE = ("codec-ceiling", "real-audio")
"""No model takes part in these rows."""


class Arm(Settings):
    """One row of the table: what differs from the study's own settings."""

    label: Annotated[str, Field(min_length=1)]
    """How the table names the row."""
    claim: Claim = Claim()
    """What the seed project said of it."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """Overrides of `corpus`, `regularization`, `clips`, `spectrogram`, `base`, `latents`,
    `train` and `sample`, nested or as dotted keys (`train.rank: 16`). A number may be given by
    the baseline's: `train.rank: {times: 4}`; so one file fits every study. Where it may have none,
    `train.lr_text: {times: 0.1, or: null}` says what then."""


class Recipe(Settings):
    """Everything that an arm may change."""

    corpus: str
    """Name of the corpus that arms are fine-tuned on."""
    regularization: str | None = None
    """Name of the corpus that gives regularization images, if any."""
    base: str
    """Name of the base model that arms start from."""
    clips: Clips = Clips()
    """Which parts of the tracks."""
    spectrogram: Spectrogram = MelDb()
    """Audio to image and back."""
    latents: Latents = Latents()
    """What is cached of the images."""
    train: Train = Train()
    """Fine-tuning."""
    sample: Sample = Sample()
    """Generation."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Recipe":
        corpus, use = self.regularization, self.train.regularization
        if (corpus is None) != (use is None):
            raise ValueError(
                "regularization (the corpus) and train.regularization (how it is used, "
                "{weight: 1.0}) go together: set both or neither; here regularization is "
                f"{corpus or 'null'} and train.regularization {'set' if use else 'null'}"
            )
        augmented, share = self.latents.specaugment, self.train.augment_share
        if (augmented is None) != (share == 0):
            raise ValueError(
                "latents.specaugment (the augmented images) and train.augment_share (how often "
                "one is used) go together: set both or neither; here latents.specaugment is "
                f"{'set' if augmented else 'null'} and train.augment_share {share:g}"
            )
        if self.sample.checkpoint == "best" and self.train.validation is None:
            raise ValueError(
                "sample.checkpoint is best, but nothing tells which one that is: set "
                "train.validation too ({} takes its defaults)"
            )
        return self


class Study(Recipe):
    """A study: the recipe of its baseline, its arms and seeds, and how it is judged."""

    study: Name
    """Name of the study: its folder below results/."""
    seeds: tuple[Seed, ...] = (0, 1, 2)
    """Training seeds; every arm is trained once with each."""
    arms: tuple[Name, ...] = ("baseline",)
    """Rows of the table: names of files in the arms folder, without `.yaml`."""
    baseline: Name = "baseline"
    """The arm that all others are compared with."""
    arms_folder: str = "config/arms"
    """Where arm files are, from the working directory or from the project."""
    sweep: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Dotted keys and their values; every combination becomes an arm (`train.rank: [4, 16]`)."""
    corpora: dict[Name, Corpus]
    """The corpora by name."""
    bases: dict[Name, Base]
    """The base models by name."""
    embedder: Embedder
    """The text–audio model behind similarity, diversity and Fréchet distance."""
    fetch: Fetch = Fetch()
    """Where `snakemake fetch` puts data and models, and from where it gets them."""
    checkpoint: Checkpoint = Checkpoint()
    """How often training saves a state to go on from; changing it runs nothing again."""
    gpus: Annotated[int, Field(ge=1)] = 1
    """GPUs of a training run, which share each of its batches; changing it runs nothing again."""
    watch: Watch = Watch()
    """What is shown of a training run meanwhile; changing it runs nothing again."""
    shards: Shards = Shards()
    """How images are spread over files; changing it runs nothing again."""
    export: Export = Export()
    """The folder of images and captions that `snakemake export` makes for other trainers."""
    prompts: Prompts = Prompts()
    """What every arm is asked for."""
    scores: Scores = Scores()
    """What is measured of the samples."""
    table: Table = Table()
    """Effects, intervals, verdicts."""
    report: Report = Report()
    """The page that can be listened to."""

    def given_folders(self) -> list[str]:
        """Folders that the user provides, each once: data sets and published models."""
        given = [self.embedder, *self.corpora.values(), *self.bases.values()]
        paths = (path for settings in given if (path := getattr(settings, "path", None)))
        return list(dict.fromkeys(paths))

    @field_validator("seeds", "arms")
    @classmethod
    def _no_doubles(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        doubles = sorted(str(value) for value, count in Counter(values).items() if count > 1)
        if doubles:
            raise ValueError(f"given more than once: {', '.join(doubles)}")
        if not values:
            raise ValueError("at least one is needed")
        return values
