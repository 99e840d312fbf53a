"""What was set aside and why, as a text for people that says how to mend it."""

from collections import defaultdict
from collections.abc import Sequence

from .excluded import summary, told
from .filters import BY_WORDS, LISTED, NOT_VALID, kind_of
from .manifest import Row

SHOWN = 20
MENDS = {
    NOT_VALID: "nothing is wrong with them; rules.valid_only: false uses them too",
    LISTED: "rules.only and rules.without name the lists",
    BY_WORDS: "rules.words says which words",
    "too short": "rules.min_seconds is the limit",
    "too long": "rules.max_seconds is the limit",
    "duplicate": "of tracks with the same sound only the first by id is used",
    "no caption": "add rows to the table, or texts beside the files",
    "table": "correct the rows of the table",
    "caption too long": "shorten them, or raise rules.max_caption_words",
    "missing": "fetch the files, or correct the paths in the table",
    "name": "rename the files",
    "cyclic link": "replace the links by the files",
    "empty": "fetch the files again",
    "unreadable": "check who may read the files, and the disk",
    "undecodable": "fetch the files again, or convert them to FLAC",
    "no decoder": "install ffmpeg, or convert the files to FLAC",
    "sample rate": "resample the files",
    "channels": "mix the files down",
    "truncated": "fetch the files again",
    "not finite": "make the files anew; samples are no numbers",
    "silent": "rules.silence_db is the limit",
    "clipped": "rules.max_clipped is the limit; make the files anew with more headroom",
}


def excluded_text(rows: Sequence[Row]) -> str:
    """By kinds of reasons, the most frequent first, each with what can be done."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for track_id, path, reason, caption_id in told(rows):
        what = f"caption {caption_id} of track {track_id}" if caption_id else path or track_id
        kinds[kind_of(reason)].append(f"{what}: {reason}")
    lines = [summary(rows)]
    for kind, lines_of in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        mend = MENDS.get(kind)
        lines += ["", f"{kind} ({len(lines_of)})" + (f": {mend}." if mend else "")]
        lines += [f"  {line}" for line in lines_of[:SHOWN]]
        if len(lines_of) > SHOWN:
            lines.append(f"  … and {len(lines_of) - SHOWN} more, all of them in excluded.csv")
    return "\n".join(lines) + "\n"
