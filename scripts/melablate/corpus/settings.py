"""Where the music comes from, and which tracks count."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Neutral, Settings

Share = Annotated[float, Field(ge=0, le=1)]
Word = Annotated[str, Field(min_length=1)]


class CaptionWords(Settings):
    """Which captions are used, by the words in them: whole words, in any case, or all that begin so
    (`vocal*`)."""

    any: tuple[Word, ...] = ()
    """Use only captions that hold at least one of these words or phrases."""
    none: tuple[Word, ...] = ()
    """Use no caption that holds one of these words or phrases."""


class Rules(Settings):
    """What a track must satisfy to be used; every other track is set aside with its reason."""

    valid_only: bool = True
    """Use only the rows whose `is_valid_subset` is True."""
    only: str | None = None
    """A list (CSV, or one id a line) of the captions or tracks to use; with a column
    `caption_id` it lists captions, else tracks."""
    without: str | None = None
    """A list of captions or tracks not to use, in the same form."""
    words: CaptionWords = CaptionWords()
    """Which captions are used, by the words in them."""
    max_caption_words: Annotated[int, Field(ge=1)] = 500
    """Captions of more words are not used."""
    min_seconds: Annotated[float, Field(gt=0)] = 3.0
    """Set aside audio that is shorter than this."""
    max_seconds: Annotated[float, Field(gt=0)] | None = None
    """Set aside audio that is longer than this."""
    silence_db: float = -60.0
    """Set aside audio whose peak is below this level (dB of full scale)."""
    max_clipped: Share = 0.05
    """Set aside audio with a larger share of its samples in runs at full scale."""
    same_sound: bool = False
    """Set aside copies of a track that sound the same (another format, bit rate or sample
    rate, a shifted start), not only those of the same bytes."""
    heldout_share: Share = 0.2
    """Share of the artists (not tracks) that are held out of training."""
    max_set_aside: Annotated[Share, Neutral(0.1)] = 0.1
    """Stop when a larger share of the tracks has unusable audio. Another limit makes nothing that
    is finished again."""


class Columns(Settings):
    """Names of a table's columns; null finds those with a usual name."""

    file: str | None = None
    """The audio file, relative to the folder (`file_name`, `path`, `audio` …)."""
    caption: str | None = None
    """The caption, in JSON also a list of captions (`caption`, `text` …)."""
    caption_id: str | None = None
    """An id of the caption (`caption_id`)."""
    track: str | None = None
    """An id of the track (`track_id`); without one it is made of the file's name."""
    artist: str | None = None
    """Artist or artists, by which tracks are split (`artist_id`, `artist` …)."""
    album: str | None = None
    """Album (`album_id`, `album`)."""
    license: str | None = None
    """Licence of the audio (`license` …)."""
    valid: str | None = None
    """Whether the caption counts where `rules.valid_only` is true (`is_valid_subset`, `valid`)."""
    duration: str | None = None
    """Seconds that the audio should last; shorter audio is truncated. Never found by itself."""


class MiniMidi(Settings):
    """The embedded corpus: composed and rendered by the workflow, in Song Describer's layout."""

    kind: Literal["minimidi"]
    part: Literal["broad", "style"]
    """`broad` teaches the tiny base; `style` has instruments and a manner of its own."""
    tracks: Annotated[int, Field(ge=4)] = 96
    """How many pieces to compose."""
    seconds: Annotated[float, Field(ge=2)] = 4.5
    """Length of a piece."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the composer."""
    rules: Rules = Rules()
    """What a track must satisfy to be used."""


class SongDescriber(Settings):
    """A folder in the layout of the Song Describer Dataset (Zenodo record 10072001)."""

    kind: Literal["song_describer"]
    path: str
    """The folder that holds `song_describer.csv` and `audio/`."""
    rules: Rules = Rules()
    """What a track must satisfy to be used."""


class Folder(Settings):
    """Any folder of audio files with captions in a table, or in a text beside each file."""

    kind: Literal["folder"]
    path: str
    """The folder; paths in its table are relative to it."""
    table: str | None = None
    """The table in the folder: CSV, TSV, or JSON lines. Null finds `metadata.jsonl` or
    `metadata.csv` (Hugging Face's names), else the only table there is; in a folder without
    one, `song.txt` is the caption of `song.wav`, its lines included."""
    columns: Columns = Columns()
    """Names of the table's columns."""
    rules: Rules = Rules()
    """What a track must satisfy to be used."""


Corpus = Annotated[MiniMidi | SongDescriber | Folder, Field(discriminator="kind")]


class Scan(Settings):
    """What the scan is told of a corpus, the same wherever the corpus lies."""

    layout: Literal["song_describer", "folder"]
    """How captions and audio lie in the folder."""
    table: str | None = None
    """Its table, if it is named."""
    columns: Columns = Columns()
    """Names of the table's columns."""
    rules: Rules = Rules()
    """What a track must satisfy; the files of its lists are given apart."""
