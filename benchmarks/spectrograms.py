"""Audio → shards against the plain script beside this file: time, images, memory.

    python benchmarks/song_describer_twin.py --table song_describer.csv --out twin
    python benchmarks/spectrograms.py --twin twin --out benchmarks/spectrograms.md

Both are whole commands, started afresh, one after the other, several times; each is also run on
one track, so that its start can be told from its work. As other programs may run on the machine,
the processors' seconds are given too. The last line of the table only decodes.
"""

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HERE = Path(__file__).parent
SCRIPTS = HERE.parent / "scripts"
SETTINGS = {
    "codec": {"kind": "mel_db"},
    "clips": {"choose": "fixed", "offset": 15.0},
}
DECODE = """
import sys, soundfile
for name in open(sys.argv[1]).read().splitlines():
    with soundfile.SoundFile(name) as file:
        file.seek(15 * file.samplerate)
        file.read(15 * file.samplerate, dtype="float32", always_2d=True)
"""


@dataclass(frozen=True)
class Took:
    """Seconds by the clock and of the processors, and the most memory of all processes."""

    wall: float
    cpu: float
    peak_mb: float


def measure(command: list[str]) -> Took:
    """Run a command on all cores, with one thread of linear algebra a process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    watch = _Watch(process.pid)
    if process.wait():
        raise SystemExit(f"failed: {command}")
    wall = time.perf_counter() - start
    return Took(wall, *watch.stop())


class _Watch:
    """Processor time and memory of a process and all below it, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self.pid, self.most, self.done = pid, 0.0, threading.Event()
        self.seconds: dict[int, float] = {}
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def stop(self) -> tuple[float, float]:
        """Seconds of all processes, and the most memory that they had together."""
        self.done.set()
        self.thread.join()
        return sum(self.seconds.values()), self.most

    def _watch(self) -> None:
        while not self.done.wait(0.1):
            family = _family(self.pid)
            self.seconds |= {pid: told for pid in family if (told := _seconds(pid))}
            self.most = max(self.most, sum(map(_memory_mb, family)))


def _family(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except OSError:
        return [pid]
    return [pid, *(p for child in children for p in _family(child))]


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    """Its share of what it has in memory: pages that processes share count once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e3


def manifest(twin: Path, path: Path, tracks: int) -> int:
    """A manifest as the corpus stage would write it; after the last file they begin again."""
    files = sorted((twin / "audio").rglob("*.mp3"), key=lambda file: file.name)
    again = -(-tracks // len(files))
    rows = [
        {
            "track_id": file.name.removesuffix(".2min.mp3") + ("" if round_ == 0 else f".{round_}"),
            "path": str(file.relative_to(twin / "audio")),
            "split": "train",
            "captions": ["a caption"],
            "audio_sha256": "",
            "excluded": "",
        }
        for round_ in range(again)
        for file in files
    ][:tracks]
    pq.write_table(pa.Table.from_pylist(rows), path)
    path.with_suffix(".txt").write_text("\n".join(str(twin / "audio" / r["path"]) for r in rows))
    return len(rows)


def ours(twin: Path, folder: Path, tracks: int, workers: int) -> tuple[Callable[[], Took], int]:
    """The project's command on so many tracks."""
    table = folder / f"{tracks}.parquet"
    count = manifest(twin, table, tracks)
    command = [sys.executable, str(SCRIPTS / "make_spectrograms.py")]
    command += ["--settings", json.dumps(SETTINGS), "--manifest", str(table)]
    command += ["--audio", str(twin / "audio"), "--workers", str(workers)]
    command += ["--out", str(folder / "ours")]
    return lambda: measure(command), count


def plain(twin: Path, folder: Path, tracks: int) -> Callable[[], Took]:
    """The plain script on as many."""
    script = [sys.executable, str(HERE / "plain_spectrograms.py"), str(twin / "audio")]
    return lambda: measure([*script, str(folder / "plain"), str(tracks)])


def decode(folder: Path, tracks: int) -> Callable[[], Took]:
    """Only what the decoder does, in one process."""
    command = [sys.executable, "-c", DECODE, str(folder / f"{tracks}.txt")]
    return lambda: measure(command)


def difference(folder: Path) -> tuple[int, float, float]:
    """Images, the share of pixels that differ by at most one level, and the mean difference."""
    near, total, count = [], [], 0
    for file in sorted((folder / "ours/images").glob("*.parquet")):
        for row in pq.read_table(file, columns=["track_id", "image"]).to_pylist():
            one = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))).astype(int)
            other = np.asarray(Image.open(folder / f"plain/{row['track_id']}.png"))
            near.append(float((np.abs(one - other) <= 1).mean()))
            total.append(float(np.abs(one - other).mean()))
            count += 1
    return count, min(near), statistics.mean(total)


def compare(twin: Path, folder: Path, tracks: int, repeats: int, workers: int) -> list[str]:
    """Interleaved runs, then the table."""
    whole, count = ours(twin, folder, tracks, workers)
    single, _ = ours(twin, folder, 1, workers)
    runs: dict[str, list[Took]] = {}
    for _ in range(repeats):
        for name, run in (
            ("this project, one track", single),
            ("the plain script, one track", plain(twin, folder, 1)),
            ("decoding alone, one track", decode(folder, 1)),
            ("the plain script", plain(twin, folder, tracks)),
            ("this project", whole),
            ("decoding alone", decode(folder, tracks)),
        ):
            runs.setdefault(name, []).append(run())
            print(name, runs[name][-1], flush=True)
    lines = [
        f"| {count} tracks of 2 minutes, {repeats} runs, medians | seconds | of it start "
        "| processor ms a clip | clips a second | with the start |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    rates, costs = {}, []
    for name in ("the plain script", "this project", "decoding alone"):
        took, one = _median(runs[name]), _median(runs[f"{name}, one track"])
        costs.append((took.cpu - one.cpu) / (count - 1) * 1e3)
        rates[name] = ((count - 1) / (took.wall - one.wall), count / took.wall)
        lines.append(
            f"| {name} | {took.wall:.1f} | {one.wall:.1f} "
            f"| {costs[-1]:.1f} "
            f"| {rates[name][0]:.1f} | {rates[name][1]:.1f} |"
        )
    ratios = [
        [a.wall / b.wall for a, b in zip(runs["the plain script"], runs[name], strict=True)]
        for name in ("this project",)
    ]
    images, near, mean = difference(folder)
    plain_rate, our_rate, bound = (
        rates[name] for name in ("the plain script", "this project", "decoding alone")
    )
    return [
        *lines,
        "",
        f"This project with {workers} threads makes **{our_rate[0] / plain_rate[0]:.1f} times** "
        f"as many clips a second as the plain script, {our_rate[1] / plain_rate[1]:.1f} times with "
        f"the start of both (single runs: {', '.join(f'{r:.1f}' for r in ratios[0])}). "
        f"Decoding alone in {workers} processes would make {workers * bound[0]:.0f} clips a "
        f"second, so {our_rate[0] / (workers * bound[0]):.0%} of the decoder's bound is reached.",
        "",
        f"Where other work takes part of the cores, both are slower, and {workers} threads may get "
        "no more than one. By processor time, which that does not touch, the plain script's clip "
        f"costs {costs[0] / costs[1]:.2f} of ours: {workers * costs[0] / costs[1]:.1f} times as "
        f"many clips on {workers} idle cores, {costs[2] / costs[1]:.0%} of the decoder's bound.",
        "",
        f"Images: of {images}, the one that differs most has {near:.4%} of its pixels within one "
        f"grey level of the plain script's; the mean difference is {mean:.4f} levels.",
    ]


def _median(runs: list[Took]) -> Took:
    return Took(
        statistics.median(run.wall for run in runs),
        statistics.median(run.cpu for run in runs),
        max(run.peak_mb for run in runs),
    )


def memory(twin: Path, folder: Path, counts: list[int], workers: int) -> list[str]:
    """Peak memory against the number of tracks."""
    lines = ["| tracks | seconds | most memory of all processes, MB |", "| --- | --- | --- |"]
    for tracks in counts:
        run, count = ours(twin, folder, tracks, workers)
        took = run()
        lines.append(f"| {count} | {took.wall:.1f} | {took.peak_mb:.0f} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Parse the arguments, run, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--twin", required=True, type=Path, help="made by song_describer_twin.py")
    parser.add_argument("--tracks", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 2000])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    before = os.getloadavg()[0]
    lines = [
        "# Audio to shards",
        "",
        f"{date.today()}, {os.cpu_count()} cores ({processor()}), Python "
        f"{platform.python_version()}. `benchmarks/spectrograms.py` measures; "
        "`benchmarks/plain_spectrograms.py` is what it is compared with.",
        "",
    ]
    with tempfile.TemporaryDirectory() as name:
        lines += compare(args.twin, Path(name), args.tracks, args.repeats, args.workers)
    with tempfile.TemporaryDirectory() as name:
        lines += ["", *memory(args.twin, Path(name), args.counts, args.workers)]
    load = " and ".join(f"{value:.0f}" for value in (before, os.getloadavg()[0]))
    lines += ["", f"Other work ran on the machine: its load was {load} before and after."]
    text = "\n".join(lines) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


def processor() -> str:
    """The processor's name, where Linux tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
