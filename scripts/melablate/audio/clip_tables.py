"""What is told of clips: statistics of those that were made, reasons of those set aside."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..progress import Progress
from .shards import ClipRow
from .tracks import Made

SHOWN_REASONS = 5
EXCLUDED = "excluded.csv"
CLIP_COLUMNS = ["clip_id", "split", "start_s", "padded_s", "loudness_lufs", "peak_db", "gain_db"]
EXCLUDED_COLUMNS = ["track_id", "path", "reason"]


class ClipTables:
    """`clips.csv` and `excluded.csv` in a folder, written line by line as clips come."""

    def __init__(self, folder: Path, tracks: int, max_set_aside: float, progress: Progress) -> None:
        self.folder, self.tracks, self.progress = folder, tracks, progress
        self.max_set_aside = max_set_aside
        self.used = self.set_aside = 0
        self.reasons: list[str] = []
        self.stack = ExitStack()

    def __enter__(self) -> "ClipTables":
        self.clips = self._table("clips.csv", CLIP_COLUMNS)
        self.excluded = self._table(EXCLUDED, EXCLUDED_COLUMNS)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """All lines are in the files."""
        self.stack.close()

    def usable(self, made: Iterable[Made]) -> Iterator[ClipRow]:
        """The clips that could be made, as rows of a shard."""
        seen, last = 0, ""
        for clip in made:
            if clip.track.track_id != last:
                seen, last = seen + 1, clip.track.track_id
                self.progress.step(seen)
            self._tell(clip)
            if not clip.reason:
                yield _row(clip)

    def check(self, where: str) -> None:
        """Stop when nothing, or too little, could be used."""
        asked = self.used + self.set_aside
        shown = "".join(f"\n  {reason}" for reason in self.reasons)
        more = self.set_aside - len(self.reasons)
        shown += f"\n  … and {more} more" if more > 0 else ""
        if not self.used:
            raise SystemExit(
                f"{where}: not one clip could be made{shown or ': no track is used'}\n"
                "Check --audio, or the corpus' excluded.csv."
            )
        if self.set_aside > self.max_set_aside * asked:
            raise SystemExit(
                f"{where}: {self.set_aside} of {asked} clips cannot be used, more than the share "
                f"rules.max_set_aside = {self.max_set_aside:g} allows:{shown}\n"
                "Mend the files, choose other clips (clips.choose, clips.offset, "
                "clips.max_padding), or raise rules.max_set_aside of this corpus."
            )

    def _table(self, name: str, columns: list[str]) -> Any:
        path = self.folder / name
        file = self.stack.enter_context(path.open("w", newline="", encoding="utf-8"))
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        return table

    def _tell(self, clip: Made) -> None:
        if clip.reason:
            self.set_aside += 1
            if len(self.reasons) < SHOWN_REASONS:
                self.reasons.append(f"{clip.track.path}: {clip.reason}")
            self.excluded.writerow([clip.track.track_id, clip.track.path, clip.reason])
            return
        self.used += 1
        assert clip.levels is not None
        loudness = clip.levels.loudness
        shown = [
            f"{clip.start_s:.3f}",
            f"{clip.padded_s:.3f}",
            "" if loudness is None else f"{loudness:.3f}",
            f"{clip.levels.peak_db:.3f}",
            f"{clip.levels.gain_db:.3f}",
        ]
        self.clips.writerow([clip.clip_id, clip.track.split, *shown])


def _row(clip: Made) -> ClipRow:
    return ClipRow(
        clip_id=clip.clip_id,
        track_id=clip.track.track_id,
        split=clip.track.split,
        captions=clip.track.captions,
        png=clip.png,
        audio_sha256=clip.track.audio_sha256,
        start_s=clip.start_s,
        tensor=clip.tensor,
    )
