"""The codecs that a study may choose from, by `kind`; `mel_db` where none is named."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from .codecs.mel_db.settings import MelDb

DEFAULT = "mel_db"


def _named(value: Any) -> Any:
    return {"kind": DEFAULT} | value if isinstance(value, dict) else value


Spectrogram = Annotated[MelDb, BeforeValidator(_named)]
