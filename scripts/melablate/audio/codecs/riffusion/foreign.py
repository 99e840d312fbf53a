"""Parameters of an image that riffusion itself made, from its EXIF tags and its size."""

from collections.abc import Mapping
from numbers import Rational
from typing import Any

from pydantic import ValidationError

from .settings import EXIF_TAGS, Riffusion

TRIPLE_RES_MONO = 11007
MOST_SECONDS = 600


def settings_of(exif: Mapping[int, Any], width: int, height: int) -> Riffusion:
    """The codec that turns the image back; ValueError where the tags cannot be right."""
    if exif.get(TRIPLE_RES_MONO):
        raise ValueError("the image has three bands to a pixel (triple_res_mono): not known here")
    missing = [
        f"{tag} ({name})"
        for name, tag in EXIF_TAGS.items()
        if tag not in exif and name != "stereo"  # which older images do not have
    ]
    if missing:
        raise ValueError(f"the PNG's EXIF is not riffusion's: no tag {', '.join(missing)}")
    values = {name: _plain(exif[tag]) for name, tag in EXIF_TAGS.items() if tag in exif}
    if values["n_mels"] != height:
        raise ValueError(
            f"the PNG's EXIF says {values['n_mels']} bands, but the image has {height} rows"
        )
    try:
        # Of the length nothing is said but by the width. First checked without it.
        known = Riffusion.model_validate({"kind": "riffusion", "seconds": 1e-9, **values})
        seconds = (width - 1) * known.hop / known.sample_rate
        if not 0 < seconds <= MOST_SECONDS:
            raise ValueError(f"the image stands for {seconds:g} s, not up to {MOST_SECONDS}")
        return Riffusion.model_validate(
            {"kind": "riffusion", "seconds": seconds, "width": width, **values}
        )
    except ValidationError as error:
        said = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"the PNG's EXIF: {'; '.join(said)}") from None
    except ValueError as error:
        raise ValueError(f"the PNG's EXIF: {error}") from None


def _plain(value: Any) -> Any:
    """Fractions as the numbers that they are."""
    return float(value) if isinstance(value, Rational) and not isinstance(value, int) else value
