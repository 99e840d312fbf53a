"""What a caption table says: tracks with their captions, and what is wrong with each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """One text that somebody wrote of a track."""

    id: str
    text: str
    valid: bool = True
    """Whether the data set counts it among its checked ones."""
    fault: str = ""
    """Why it cannot be used, whatever the rules."""


@dataclass(frozen=True)
class Track:
    """A track with every caption of it, in the order of the table."""

    id: str
    path: str
    """Of its audio, relative to the folder of the corpus' audio."""
    captions: tuple[Caption, ...]
    artists: tuple[str, ...] = ()
    album_id: str = ""
    duration: float | None = None
    """Seconds that the audio should have at least, if the table tells it."""
    license: str = ""
    license_text: str = ""
    fault: str = ""
    """Why it cannot be used, whatever its audio is like."""

    @property
    def artist_id(self) -> str:
        """All its artists in one word."""
        return "; ".join(self.artists)
