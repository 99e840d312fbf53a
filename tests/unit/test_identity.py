"""Identities change with meaning, and with nothing else."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from melablate import identity as module
from melablate.identity import canonical, code_identity, fingerprint, identity

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), NUMBERS, st.text())
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(inner, order)) for key, inner in value.items()]
        order.shuffle(items)
        return dict(items)
    return [shuffled(inner, order) for inner in value] if isinstance(value, list) else value


# Settings


@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_keys_never_matters(value: Any, order: random.Random) -> None:
    assert canonical(shuffled(value, order)) == canonical(value)
    assert identity(shuffled(value, order)) == identity(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2), st.randoms(use_true_random=False))
def test_swapped_values_matter(value: dict[str, int], order: random.Random) -> None:
    one, other = order.sample(sorted(value), 2)
    swapped = value | {one: value[other], other: value[one]}
    assert (identity(swapped) == identity(value)) == (value[one] == value[other])


@given(VALUES, VALUES)
def test_other_values_other_identities(one: Any, other: Any) -> None:
    assert (identity(one) == identity(other)) == (canonical(one) == canonical(other))
    assert len(identity(one)) == 12 and not set(identity(one)) - set("0123456789abcdef")


def test_what_is_no_number_has_no_identity() -> None:
    with pytest.raises(ValueError):
        identity(float("nan"))


# Code

Code = Callable[..., str]
TREE = {
    "train.py": '"""Train."""\nfrom melablate.training.loop import run\n\nrun()\n',
    "melablate/__init__.py": "",
    "melablate/training/__init__.py": "",
    "melablate/training/loop.py": (
        "from ..files import read\nfrom . import noise\n\n\n"
        "def run():\n    from .late import late\n\n    return late(read(noise.SCALE))\n"
    ),
    "melablate/training/noise.py": "import melablate.deep as deep\n\nSCALE = deep.SCALE\n",
    "melablate/training/late.py": "def late(x):\n    return x\n",
    "melablate/training/losses/mse.py": "def loss(x):\n    return x * x\n",
    "melablate/files.py": "def read(x):\n    return x\n",
    "melablate/deep.py": "SCALE = 1.0\n",
    "melablate/metrics.py": "METRIC = 1\n",
}


@pytest.fixture
def code(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Code:
    """The identity of a small project's train.py, with some of its files changed."""

    def of(plugins: tuple[str, ...] = (), **changes: str) -> str:
        folder = tmp_path_factory.mktemp("project")
        for name, text in (
            TREE | {k.replace("__", "/") + ".py": v for k, v in changes.items()}
        ).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "melablate/__init__.py").write_text(changes.get("init", ""))
        monkeypatch.setattr(module, "SCRIPTS", folder)
        monkeypatch.setattr(module, "LIBRARY", folder / "melablate")
        return code_identity("train.py", plugins)

    return of


SAME = {
    "comment": "def read(x):  # as it stands\n    # another\n    return x\n",
    "docstring": '"""Module."""\n\n\ndef read(x):\n    """Read."""\n    return x\n',
    "blank lines": "\n\n\ndef read(x):\n\n    return x\n\n\n",
    "formatting": "def read( x ) :\n  return (x)\n",
    "attribute docstring": 'def read(x):\n    "what"\n    "more"\n    return x\n',
}
OTHER = {
    "constant": "def read(x):\n    return x + 1\n",
    "name": "def read(y):\n    return y\n",
    "annotation": "def read(x: int):\n    return x\n",
    "text that is used": 'def read(x):\n    return "x"\n',
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_code_of_one_meaning_is_one(code: Code, text: str) -> None:
    assert code(melablate__files=text) == code()


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_code_of_another_meaning_is_another(code: Code, text: str) -> None:
    assert code(melablate__files=text) != code()


@pytest.mark.parametrize(
    "change",
    [
        {"train": "from melablate.training.loop import run\n\nrun(1)\n"},
        {"melablate__deep": "SCALE = 2.0\n"},
        {"melablate__training__late": "def late(x):\n    return -x\n"},
        {"melablate__training__noise": "SCALE = 1.0\n"},
        {"init": "import os\n"},
    ],
    ids=["script", "absolute, transitive", "lazy, relative", "from . import", "package"],
)
def test_imports_are_followed(code: Code, change: dict[str, str]) -> None:
    assert code(**change) != code()


def test_what_is_not_imported_does_not_count(code: Code) -> None:
    assert code(melablate__metrics="METRIC = 2\n", melablate__new="X = 1\n") == code()
    assert code(melablate__training__losses__mse="") == code()


def test_plugins_count_where_they_are_named(code: Code) -> None:
    plugin = ("training/losses/mse.py",)
    assert code(plugin) != code()
    assert code(plugin, melablate__training__losses__mse="def loss(x):\n    return x\n") != code(
        plugin
    )


def test_what_settings_declare_does_not_count_nor_what_they_import_for_it(code: Code) -> None:
    loop = "from .settings import Train\n\n\ndef run():\n    return Train\n"
    one = "from ..settings import Settings\n\n\nclass Train(Settings):\n    rank: int = 8\n"
    other = one.replace("8", "16") + "    more: More = More()\n"
    changed = "from ..deep import More\n" + other
    before = code(melablate__training__loop=loop, melablate__training__settings=one)
    assert code(melablate__training__loop=loop, melablate__training__settings=changed) == before
    method = one + "\n    def scale(self):\n        return self.rank\n"
    assert code(melablate__training__loop=loop, melablate__training__settings=method) != before


def test_the_trainers_code_is_not_that_of_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path.relative_to(module.SCRIPTS).as_posix() for path in module._closure(
        (module.SCRIPTS / "train_lora.py",)
    )}  # fmt: skip
    assert {"melablate/training/loop.py", "melablate/models/base.py", "melablate/files.py"} <= files
    rooms = ("metrics", "report", "sampling", "plan", "config.py", "study", "checkpoint_settings")
    assert not [file for file in files for room in rooms if room in file]


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small corpus folder."""
    (tmp_path / "data/audio").mkdir(parents=True)
    for name in ("a.mp3", "b.mp3"):
        (tmp_path / "data/audio" / name).write_text(f"sound of {name}")
    (tmp_path / "data/list.csv").write_text("a,b")
    return tmp_path / "data"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    names: list[str] = []
    real = module.sha256

    def noted(path: Path) -> str:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(module, "sha256", noted)
    return names


def look(folder: Path) -> str:
    return fingerprint(folder, folder.parent / "cache.json")


def test_files_are_read_once_and_a_touch_changes_nothing(folder: Path, read: list[str]) -> None:
    before = look(folder)
    assert sorted(read) == ["a.mp3", "b.mp3", "list.csv"]
    assert look(folder) == before and len(read) == 3
    os.utime(folder / "audio/a.mp3", (1, 1))
    assert look(folder) == before and read[3:] == ["a.mp3"]
    assert look(folder) == before and len(read) == 4


def test_replaced_content_is_seen_though_size_and_times_are_the_same(folder: Path) -> None:
    before = look(folder)
    file = folder / "audio/a.mp3"
    stat, content = file.stat(), file.read_text()
    time.sleep(0.02)  # some kernels' clocks for files tick every few milliseconds
    file.write_text(content.upper())
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    written = look(folder)
    assert file.stat().st_size == stat.st_size and written != before
    other = folder.parent / "other"
    other.write_text(content)
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(file)
    assert look(folder) == before


@pytest.mark.parametrize("change", ["rename", "remove", "add", "swap"])
def test_names_and_files_count(folder: Path, change: str) -> None:
    before, a, b = look(folder), folder / "audio/a.mp3", folder / "audio/b.mp3"
    if change == "rename":
        a.rename(folder / "audio/c.mp3")
    elif change == "remove":
        a.unlink()
    elif change == "add":
        (folder / "new").write_text("")
    else:
        a.rename(folder / "aside")
        b.rename(a)
        (folder / "aside").rename(b)
    assert look(folder) != before


def test_hidden_files_do_not_count(folder: Path) -> None:
    before = look(folder)
    (folder / ".DS_Store").write_text("x")
    (folder / ".cache").mkdir()
    (folder / ".cache/x").write_text("x")
    assert look(folder) == before


def test_linked_folders_are_followed_and_circles_end(folder: Path) -> None:
    outside = folder.parent / "outside"
    (folder / "audio").rename(outside)
    (folder / "audio").symlink_to(outside)
    (outside / "round").symlink_to(folder)
    before = look(folder)
    (outside / "a.mp3").write_text("another sound")
    assert look(folder) != before


def test_what_does_not_count_is_not_read(folder: Path, read: list[str]) -> None:
    only = lambda path: path.suffix == ".mp3"  # noqa: E731
    before = fingerprint(folder, folder.parent / "cache.json", only)
    (folder / "list.csv").write_text("other")
    assert fingerprint(folder, folder.parent / "cache.json", only) == before
    assert sorted(read) == ["a.mp3", "b.mp3"]


def test_files_that_are_gone_are_forgotten(folder: Path) -> None:
    look(folder)
    (folder / "audio/a.mp3").rename(folder / "audio/c.mp3")
    look(folder)
    assert "a.mp3" not in (folder.parent / "cache.json").read_text()


def test_a_cache_that_cannot_be_written_costs_time_alone(folder: Path) -> None:
    before = look(folder)
    assert fingerprint(folder, folder / "list.csv/cache.json") == before


def test_much_to_read_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "TELL_FROM", 5)
    look(folder)
    assert f"{folder}: reading" in capsys.readouterr().err
    look(folder)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "not json", "[1, 2]", '{"x": 1}', "\x00"])
def test_a_broken_cache_is_ignored(folder: Path, text: str) -> None:
    before, cache = look(folder), folder.parent / "cache.json"
    cache.write_text(text)
    assert look(folder) == before
    for wrong in ("1", '["a"]', "null", '"text"'):
        cache.write_text(f'{{"{folder / "list.csv"}": {wrong}}}')
        assert look(folder) == before
    cache.write_bytes(b"\xff\xfe")
    assert look(folder) == before
