"""No pickle is loaded or written: a model from a stranger is data, never a program."""

import ast
from collections.abc import Iterator
from pathlib import Path

from workflow_project import ROOT, Project

MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
CALLS = {("torch", "load"), ("torch", "save"), ("pandas", "read_pickle"), ("pd", "read_pickle")}
PARTS = {"load", "save", "read_pickle", "to_pickle"}
FORBIDDEN = {"allow_pickle": True, "weights_only": False, "use_safetensors": False}
NEEDED = "use_safetensors"
NO_WEIGHTS = ("Tokenizer", "Scheduler", "Config", "Processor")
ENDINGS = {
    *(
        ".safetensors",
        ".sha256",
        ".parquet",
        ".json",
        ".csv",
        ".md",
        ".txt",
        ".html",
        ".css",
        ".js",
    ),
    *(".png", ".wav", ".mp3", ".flac", ".svg", ""),
}


def faults(path: Path) -> Iterator[str]:
    """Every use of pickle in a file, and every load of weights that could meet one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").partition(".")[0]}
        else:
            names = set()
        for name in names & MODULES:
            yield f"{path}: imports {name}"
        if names & {"torch", "pandas"} and PARTS & {alias.name for alias in node.names}:
            yield f"{path}:{node.lineno}: imports what loads a pickle"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if (owner, node.func.attr) in CALLS:
                yield f"{path}:{node.lineno}: {owner}.{node.func.attr}"
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            for word, value in FORBIDDEN.items():
                if given.get(word) == str(value):
                    yield f"{path}:{node.lineno}: {word}={value}"
            loads = node.func.attr == "from_pretrained" and not owner.endswith(NO_WEIGHTS)
            if loads and given.get(NEEDED) != "True":
                yield f"{path}:{node.lineno}: {owner}.from_pretrained without {NEEDED}=True"


def test_no_code_loads_or_writes_a_pickle() -> None:
    files = sorted((ROOT / "scripts").rglob("*.py"))
    assert files and not [fault for path in files for fault in faults(path)]


def test_the_check_finds_what_it_looks_for(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import pickle\nfrom joblib import load\ntorch.load(f)\nnp.load(f, allow_pickle=True)\n"
        "UNet2DConditionModel.from_pretrained(f)\nCLIPTokenizer.from_pretrained(f)\n"
        "CLIPTextModel.from_pretrained(f, use_safetensors=True)\n"
        "from torch import load\nfrom pandas import read_pickle as read\n"
    )
    assert len(list(faults(bad))) == 7


def test_all_weights_of_a_study_are_safetensors(finished: Project) -> None:
    files = [path for path in finished.results().rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= ENDINGS
    for path in files:
        start = path.read_bytes()[:4]
        assert start[:1] != b"\x80" and start != b"PK\x03\x04", f"{path}: a pickle or a zip"
