"""What the report page shows, and how."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Settings

ColourMap = Literal["magma", "inferno", "viridis", "cividis", "grey"]
AudioFormat = Literal["mp3", "flac", "wav"]


class Report(Settings):
    """The page that can be listened to."""

    title: str = ""
    """Heading of the page; empty names the study."""
    prompts_shown: Annotated[int, Field(ge=1)] = 6
    """Prompts whose spectrograms and players are shown for every row: the first of the list."""
    colour_map: ColourMap = "magma"
    """Colours of the spectrograms, from silence to the loudest; all are perceptually uniform."""
    audio_format: AudioFormat = "mp3"
    """Format of the players' files. `flac` and `wav` hold the very samples that were scored;
    `mp3` (best variable quality) keeps the folder small enough to send."""
