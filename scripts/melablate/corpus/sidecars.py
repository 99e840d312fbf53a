"""Captions in texts beside the audio files: `song.txt` (or `song.caption`) for `song.wav`.

The whole text is one caption, its lines included: the data sets' own captions hold newlines.
"""

from pathlib import Path, PurePosixPath

from .paths import audio_files, name_of, told
from .tracks import Caption, Track

SUFFIXES = (".txt", ".caption")


def read_sidecars(folder: Path) -> list[Track]:
    """A track for each audio file, and for each text that stands alone in a folder of audio."""
    tracks = []
    used: set[Path] = set()
    stems: set[Path] = set()
    for name in audio_files(folder):
        stem = PurePosixPath(name).with_suffix("")
        texts = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
        text = next((path for path in texts if path.is_file()), None)
        stems.add(folder / stem.parent)
        if text is not None:
            used.add(text)
        if told(name) != name:
            tracks.append(Track(name_of(name), told(name), (), fault="name: not in UTF-8"))
        elif text is None:
            fault = f"no caption: no {stem.name}.txt beside it"
            tracks.append(Track(name_of(name), name, (), fault=fault))
        else:
            tracks.append(_track(name, text))
    if tracks:
        tracks += [_alone(folder, text) for text in _texts(stems) if text not in used]
    return tracks


def _track(name: str, text: Path) -> Track:
    track = name_of(name)
    try:
        caption, fault = text.read_text(encoding="utf-8-sig").strip(), ""
    except UnicodeDecodeError:
        caption, fault = "", f"table: {text.name} is not in UTF-8"
    except OSError as error:
        caption, fault = "", f"table: {text.name} cannot be read ({error.strerror})"
    return Track(track, name, (Caption(f"{track}-0", caption, fault=fault),))


def _alone(folder: Path, text: Path) -> Track:
    name = text.relative_to(folder).as_posix()
    fault = f"missing: no audio file beside {told(text.name)}"
    return Track(name_of(name), told(name), (), fault=fault)


def _texts(folders: set[Path]) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in folder.glob("*")
        if path.suffix in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
