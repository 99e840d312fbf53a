"""A codec's parameters as the text that travels with its images."""

import json
from importlib import import_module
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from .codec_settings import CodecSettings

CODEC_KEY = "melablate.codec"
"""Where the text stands: in PNGs, and in the schema of shards."""


def codec_json(settings: CodecSettings) -> str:
    """The parameters as one canonical line of JSON."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def parse_codec(text: str | bytes) -> CodecSettings:
    """Parameters from their JSON; ValueError if it is no codec that is known here."""
    try:
        kind = json.loads(text)["kind"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("the codec's parameters are no JSON object with a kind") from None
    known = sorted(path.parent.name for path in Path(__file__).parent.glob("codecs/*/settings.py"))
    if kind not in known:
        raise ValueError(f"there is no codec {kind!r}; known: {', '.join(known)}")
    module = import_module(f".codecs.{kind}.settings", __package__)
    try:
        return cast(CodecSettings, module.CODEC.model_validate_json(text))
    except ValidationError as error:
        raise ValueError(f"wrong parameters of the codec {kind}: {error}") from None
