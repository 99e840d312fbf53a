"""How images are spread over files. It changes no image.

Apart from the settings of images, so that another size makes nothing again.
"""

from typing import Annotated

from pydantic import Field

from ..settings import Settings


class Shards(Settings):
    """The Parquet files of a folder of images."""

    megabytes: Annotated[float, Field(ge=1)] = 256
    """Largest size of a file, in millions of bytes; a single larger image has its own."""

    @property
    def options(self) -> str:
        """As options of `make_spectrograms.py`."""
        return f"--shard-mb {self.megabytes:g}"
