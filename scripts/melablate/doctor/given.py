"""Models and data: fetched, and whole."""

from collections.abc import Iterator
from pathlib import Path

from ..fetch.assets import ASSETS, Asset
from ..fetch.missing import missing
from ..fetch.needs import asset_at, needed, place
from ..fetch.promises import promises
from ..fetch.settings import Fetch
from ..fetch.shelf import Shelf
from ..fetch.wanted import FetchError
from ..models.folder_files import in_base, in_model
from ..models.settings import FolderBase, FolderClap
from .findings import Finding, failure, ok, warning
from .patient import Patient
from .weights_files import broken

SHOWN = 3
WHY = "stages that read it cannot run"


def check(patient: Patient) -> Iterator[Finding]:
    """Every folder that the study is given, and what it fetches beside them."""
    study, mend = patient.plan.study, patient.site.command("fetch")
    folders = study.given_folders()
    if not folders:
        yield ok("none needed: the study makes its music and models itself")
    for folder in folders:
        found = list(_folder(patient, folder, asset_at(study.fetch, folder), mend))
        yield from found or [ok(f"{folder}: whole{_size(patient.root / folder)}")]
    beside = set(needed(study.fetch, ())) - set(needed(study.fetch, folders))
    for name in sorted(beside):
        yield from _promised(study.fetch, ASSETS[name], mend) or [ok(f"{name}: whole")]


def _folder(patient: Patient, folder: str, asset: Asset | None, mend: str) -> Iterator[Finding]:
    if told := patient.plan.wrong.get(folder):
        yield failure(told, "other files give another table than the study says", mend)
    path = patient.root / folder
    if asset is not None:
        yield from _promised(patient.plan.study.fetch, asset, mend)
    elif not path.is_dir():
        yield failure(f"{folder}: not there", WHY, "put it there, or name another in the study")
        return
    yield from _weights(patient, folder)
    yield from _tables(patient, folder)


def _promised(fetch: Fetch, asset: Asset, mend: str) -> list[Finding]:
    """By size and date against what was promised; the study itself compares checksums."""
    try:
        shelf = Shelf(Path(fetch.folder))
        known = promises(shelf, asset)
    except FetchError as error:
        return [failure(str(error), "what was fetched cannot be told from anything else", mend)]
    said = missing(fetch, [asset.name])
    if known is None:
        folder = place(fetch, asset)
        if not folder.is_dir() or not any(folder.iterdir()):
            return [failure(f"{said} (not there)", WHY, mend)]
        why = "a file that is cut short or of another model would be noticed late, or never"
        return [warning(f"{folder}: no one has said yet what its files must be", why, mend)]
    state = {path: shelf.probably(path, one) for path, one in known.items()}
    absent = [path for path in state if state[path] == "missing"]
    sizes = {path: (shelf.folder / path).stat().st_size for path in state if path not in absent}
    cut = [path for path, size in sizes.items() if known[path]["size"] not in (None, size)]
    if cut:
        return [failure(f"{_some(cut)}: not of the promised size", WHY, mend)]
    if absent:
        return [failure(f"{said} ({_some(absent)})", WHY, mend)]
    if "unsure" in state.values():
        why = "they changed since their checksums were compared, or never were"
        return [warning(said, why, mend)]
    return []


def _weights(patient: Patient, folder: str) -> Iterator[Finding]:
    """Files of weights that are as long as their headers say; a base that has its parts."""
    study, path = patient.plan.study, patient.root / folder
    given = [*study.bases.values(), study.embedder]
    kinds = {type(one) for one in given if getattr(one, "path", None) == folder}
    counts = in_base if FolderBase in kinds else in_model
    if not kinds & {FolderBase, FolderClap} or not path.is_dir():
        return
    files = [file for file in path.rglob("*.safetensors") if counts(file)]
    mend = "get the folder again, from where it came"
    for file in files:
        if said := broken(file):
            yield failure(f"{file}: not whole ({said})", "it cannot be loaded", mend)
    index = "model_index.json" if FolderBase in kinds else "config.json"
    parts = ("unet", "vae", "text_encoder") if FolderBase in kinds else (".",)
    absent = [] if (path / index).is_file() else [index]
    have = {file.parent for file in files}
    absent += [f"{part}/*.safetensors" for part in parts if path / part not in have]
    if absent:
        yield failure(f"{folder}: lacks {', '.join(absent)}", "it cannot be loaded", mend)


def _tables(patient: Patient, folder: str) -> Iterator[Finding]:
    """A corpus with its table and some audio."""
    plan, path = patient.plan, patient.root / folder
    keys = [key for key, there in plan.data_folders.items() if there == folder]
    if not keys or not path.is_dir():
        return
    for table in dict.fromkeys(table for key in keys for table in plan.corpus_tables[key]):
        if not (path / table).is_file():
            yield failure(f"{folder}: lacks {table}", WHY, "put it there")
    audio = patient.root / plan.audio_folders[keys[0]]
    if not audio.is_dir() or not any(audio.iterdir()):
        yield failure(f"{audio}: holds no audio", WHY, "put it there")


def _size(folder: Path) -> str:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f", {size / 1e9:.1f} GB" if size >= 5e7 else f", {size / 1e6:.1f} MB"


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if names[SHOWN:] else "")
