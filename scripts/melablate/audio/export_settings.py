"""How images are laid out for other trainers."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Settings


class Export(Settings):
    """A folder of images with captions beside them: `<repeats>_<name>/<clip>.png` and `.txt`,
    which kohya's sd-scripts read with `--caption_extension .txt`."""

    repeats: Annotated[int, Field(ge=1)] = 1
    """How often an epoch shows each image, as kohya's sd-scripts read it from the folder's name."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=64)] = "music"
    """The rest of the folder's name."""
    captions: Literal["first", "lines", "each"] = "first"
    """`first`: the track's first caption. `lines`: all, one a line (kohya's `enable_wildcard`
    draws one of them). `each`: every caption with a copy of the image, `<clip>-<number>`."""
    split: Literal["train", "heldout", "all"] = "train"
    """Which clips."""
