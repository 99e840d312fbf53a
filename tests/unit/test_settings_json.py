"""What a job is told: an option that is off says nothing, whatever else is said is there."""

from typing import Annotated, Any, Literal

import pytest
from melablate.config import Study
from melablate.settings import Neutral, Settings
from melablate.settings_json import settings_json
from pydantic import Field


class Inner(Settings):
    share: float = 0.0


class Before(Settings):
    rank: int
    rate: float = 0.1


class After(Before):
    off: bool = False
    offset: float = 0.0
    words: tuple[str, ...] = ()
    other: Inner | None = None
    inner: Inner = Inner()
    more: dict[str, Any] = Field(default_factory=dict)
    window: Annotated[Literal["hann", "hamming"], Neutral("hann")] = "hann"


def test_new_options_that_are_off_say_nothing() -> None:
    assert settings_json(After(rank=0)) == settings_json(Before(rank=0)) == {"rank": 0, "rate": 0.1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"off": True}, {"off": True}),
        ({"words": ("a",)}, {"words": ["a"]}),
        ({"other": Inner()}, {"other": {}}),
        ({"inner": Inner(share=0.5)}, {"inner": {"share": 0.5}}),
        ({"more": {"a": [1, 2]}}, {"more": {"a": [1, 2]}}),
        ({"window": "hamming"}, {"window": "hamming"}),
        ({"rate": 0.0}, {"rate": 0.0}),
    ],
)
def test_whatever_is_on_is_said_and_read_again(given: dict[str, Any], said: dict[str, Any]) -> None:
    settings = After(rank=1, **given)
    found = settings_json(settings)
    assert found == {"rank": 1, "rate": 0.1} | said
    assert After.model_validate(found) == settings


def test_a_changed_default_is_seen_in_both_directions() -> None:
    class On(Settings):
        offset: float = 0.1

    class Off(Settings):
        offset: float = 0.0

    assert settings_json(On()) != settings_json(Off())
    assert settings_json(On(offset=0.0)) == {"offset": 0.0}  # or the job would take 0.1
    assert On.model_validate(settings_json(On(offset=0.0))).offset == 0.0


def test_fields_are_left_out_by_name() -> None:
    assert settings_json(After(rank=3), without=["rate"]) == {"rank": 3}


def test_a_whole_study_comes_back() -> None:
    study = Study.model_validate(
        {
            "study": "s",
            "corpus": "c",
            "base": "b",
            "corpora": {"c": {"kind": "minimidi", "part": "style"}},
            "bases": {"b": {"kind": "folder", "path": "p"}},
            "embedder": {"kind": "tiny_clap", "corpora": ["c"]},
            "train": {"noise_offset": 0.05, "clip_norm": None},
        }
    )
    assert Study.model_validate(settings_json(study)) == study
