"""Names of files and columns in Song Describer's layout (Zenodo record 10072001)."""

from pathlib import PurePosixPath

TABLE = "song_describer.csv"
LICENSES = "audio_licenses.txt"
COLUMNS = (
    "caption_id",
    "track_id",
    "caption",
    "is_valid_subset",
    "familiarity",
    "artist_id",
    "album_id",
    "path",
    "duration",
)


def audio_file(path: str) -> str:
    """The audio of the table's `34/1004034.mp3` is `34/1004034.2min.mp3`."""
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem}.2min{pure.suffix}"))
