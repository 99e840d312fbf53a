"""Where fetched files lie, from where they come, and how patiently they are asked for."""

from typing import Annotated

from pydantic import Field

from ..settings import Settings

Address = Annotated[str, Field(pattern=r"^https?://[^\s?#]*[^\s?#/]$")]
Addresses = Annotated[tuple[Address, ...], Field(min_length=1)]


class Sites(Settings):
    """Addresses of the sites, tried in order: put a mirror before a site, or in its place."""

    zenodo: Addresses = ("https://zenodo.org",)
    """Zenodo, or a mirror with the same paths."""
    huggingface: Addresses = ("https://huggingface.co",)
    """Hugging Face, or a mirror with the same paths."""
    github: Addresses = ("https://github.com",)
    """GitHub's release files, or a mirror with the same paths."""


class Fetch(Settings):
    """What `snakemake fetch` does; no other stage touches a network."""

    folder: str = "assets"
    """Folder of all fetched data and models; a link to a folder of your group shares them."""
    assets: tuple[str, ...] = ()
    """Assets to fetch beside those whose places the study names."""
    sites: Sites = Sites()
    """From where."""
    keep_archives: bool = False
    """Keep an archive after it was unpacked: then a lost member costs no second download."""
    attempts: Annotated[int, Field(ge=1)] = 8
    """Attempts in a row that bring nothing before a file is given up."""
    timeout: Annotated[float, Field(gt=0)] = 60.0
    """Seconds without a byte after which a connection counts as dead."""
    wait: Annotated[float, Field(ge=0)] = 1.0
    """Seconds before the second attempt; each further pause is twice as long, up to a minute."""
