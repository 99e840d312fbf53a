"""The codecs that a study may choose from, by `kind`; `mel_db` where none is named."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .codecs.audio_diffusion.settings import AudioDiffusion
from .codecs.bigvgan.settings import BigVgan
from .codecs.dual_diffusion.settings import DualDiffusion
from .codecs.ma_ddpm.settings import MaDdpm
from .codecs.mel_db.settings import MelDb
from .codecs.riffusion.settings import Riffusion

DEFAULT = "mel_db"
Codec = MelDb | Riffusion | AudioDiffusion | MaDdpm | DualDiffusion | BigVgan


def _named(value: Any) -> Any:
    return {"kind": DEFAULT} | value if isinstance(value, dict) else value


Spectrogram = Annotated[Codec, Field(discriminator="kind"), BeforeValidator(_named)]
