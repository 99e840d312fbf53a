"""Each rule's environment has what its script imports, and is a part of the one lock."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from followed_imports import SCRIPTS, existing, reached, statements
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rule_files import bodies, scripts_of

ROOT = SCRIPTS.parent
ENVS = ROOT / "envs"
KINDS = sorted(path.stem for path in ENVS.glob("*.yaml"))
UNSEEN = {
    "workflow": {"snakemake", "cluster-generic", "slurm"},  # commands and plugins
    "diffusion": {"tensorboard", "open-clip-torch"},  # torch imports it; a file of it is read
    "scoring": {"open-clip-torch"},
    "audio": {"pretty-midi"},  # a file of it is read
}
"""What an environment needs although no script imports it."""
TYPED = ("show_table.py", "check_setup.py")
"""Scripts that the environment of Snakemake itself runs."""
WITHOUT = {"doctor"}
"""Rules that run before there is another environment."""


@cache
def kinds() -> dict[str, str]:
    """Rule → its environment."""
    found = {}
    for rule, body in bodies().items():
        if rule in WITHOUT:
            found[rule] = "workflow"  # where Snakemake is
            continue
        (found[rule],) = re.findall(r'conda:\n +"\.\./envs/(\w+)\.yaml"', body)
    return found


def pins(name: str) -> dict[str, Requirement]:
    lines = (ENVS / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(pin) for line in lines if (pin := line.split("#")[0].strip())]
    return {canonicalize_name(pin.name): pin for pin in found}


def installed(kind: str) -> dict[str, Requirement]:
    """What `snakemake --sdm conda` installs for a kind of work."""
    made = yaml.safe_load((ENVS / f"{kind}.yaml").read_text(encoding="utf-8"))
    (by_pip,) = [part["pip"] for part in made["dependencies"] if isinstance(part, dict)]
    found = [Requirement(pin) for pin in by_pip]
    script = ENVS / f"{kind}.post-deploy.sh"
    if script.exists():
        found += map(Requirement, re.findall(r"[\w-]+==[\w.]+", script.read_text("utf-8")))
    return {canonicalize_name(pin.name): pin for pin in found}


@cache
def distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


@cache
def imported(script: str) -> set[str]:
    """Distributions whose modules a script imports."""
    known, found = distributions(), set()
    for node in statements(SCRIPTS / script):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
        for name in names:
            top = (name or "").partition(".")[0]
            if top not in sys.stdlib_module_names:
                found |= {canonicalize_name(known[top][0])}
    return found


def scripts_in(kind: str) -> list[str]:
    ruled = [script for rule in kinds() if kinds()[rule] == kind for script in scripts_of(rule)]
    return ruled + list(TYPED if kind == "workflow" else ())


def test_every_rule_with_a_script_names_an_environment() -> None:
    assert set(KINDS) - {"workflow"} <= set(kinds().values()) <= set(KINDS)
    assert all(scripts_of(rule) for rule in kinds()) and len(kinds()) > 15


@pytest.mark.parametrize("rule", bodies())
def test_what_a_rules_script_imports_is_in_its_environment(rule: str) -> None:
    kind = kinds()[rule]
    for script in scripts_of(rule):
        lacking = imported(script) - set(installed(kind))
        assert not lacking, f"{script} imports {lacking}; add them to envs/{kind}.in, `make lock`"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_installed_for_nothing(kind: str) -> None:
    used = UNSEEN.get(kind, set()).union(*map(imported, scripts_in(kind)))
    if kind == "workflow":
        used |= {f"snakemake-executor-plugin-{name}" for name in used} | of_rules()
    assert set(pins(f"{kind}.in")) <= used


def of_rules() -> set[str]:
    """Distributions that parsing the rules takes, and what they import while they run."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "rules").glob("*.smk"))
    known, found = distributions(), set()
    for module in re.findall(r"^ *from (melablate[\w.]+) import", text, re.MULTILINE):
        for path in reached(existing(tuple(module.split(".")))):
            found |= set(re.findall(r"^ *(?:from|import) (\w+)", path.read_text("utf-8"), re.M))
    foreign = found - set(sys.stdlib_module_names) - {"melablate"}
    return {canonicalize_name(known[name][0]) for name in foreign if name in known}


def test_what_stands_before_a_script_runs_in_each_environment() -> None:
    """Which need nothing but Python; what tries a GPU is run where torch is."""
    assert not imported("take_gpus.py")
    source = (SCRIPTS / "take_gpus.py").read_text(encoding="utf-8")
    on_gpu = set(re.findall(r'^    "(\w+\.py)",$', source, re.MULTILINE))
    tried = {rule for rule in kinds() if on_gpu & set(scripts_of(rule))}
    assert len(tried) >= 5 and all("torch" in installed(kinds()[rule]) for rule in tried)


def test_snakemake_itself_runs_without_the_models() -> None:
    """A login node needs no torch."""
    assert of_rules() <= set(installed("workflow"))
    assert "torch" not in installed("workflow") and "torch" in installed("diffusion")


@pytest.mark.parametrize("kind", KINDS)
def test_versions_are_those_of_the_full_lock(kind: str) -> None:
    full = pins("melablate.lock.txt") | pins("data-packages.lock.txt")
    assert {name: full[name] for name in installed(kind)} == installed(kind)
    assert set(pins(f"{kind}.lock.txt")) | set(pins(f"{kind}.in")) == set(installed(kind))


def test_environments_are_what_the_locks_say() -> None:
    """As `make lint` asks; and a pin that was moved by hand is found."""
    made = subprocess.run(
        [sys.executable, ENVS / "make_kinds.py", "--check"], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("changed", ["melablate.lock.txt", "report.yaml", "audio.post-deploy.sh"])
def test_a_version_moved_by_hand_is_told(changed: str, tmp_path: Path) -> None:
    for path in ENVS.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / changed).read_text(encoding="utf-8")
    moved = re.sub(r"(scipy|tinysoundfont)==[\d.]+", r"\1==0.0.1", text)
    assert moved != text
    (tmp_path / changed).write_text(moved, encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, tmp_path / "make_kinds.py", "--check"], capture_output=True, text=True
    )
    assert checked.returncode == 1
    assert "is not what the locks say; run `make lock`" in checked.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_conda_gives_python_and_pip_alone(kind: str) -> None:
    made = yaml.safe_load((ENVS / f"{kind}.yaml").read_text(encoding="utf-8"))
    named = [part for part in made["dependencies"] if isinstance(part, str)]
    assert named == ["python =3.11", "pip"]
    assert made["channels"] == ["conda-forge", "nodefaults"]


def in_clean_venv(kind: str, folder: Path) -> Path:
    """The Python of a venv that holds a kind's lock, and is whole to pip."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin/python"
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    lock = ENVS / f"{kind}.lock.txt"
    # Without dependencies: what the lock lacks must be missed, not fetched.
    subprocess.run([*pip, "install", "-q", "--no-deps", "-r", lock], check=True)
    whole = subprocess.run([*pip, "check"], capture_output=True, text=True)
    missed = [
        line for line in whole.stdout.splitlines() if not re.search(r"nvidia|triton|cuda", line)
    ]
    assert missed in ([], ["No broken requirements found."]), whole.stdout
    script = ENVS / f"{kind}.post-deploy.sh"
    if script.exists():
        path = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin"}
        subprocess.run(["bash", script], check=True, capture_output=True, env=path)
    return python


def import_lines(kind: str) -> Iterator[str]:
    for script in scripts_in(kind):
        yield from map(ast.unparse, statements(SCRIPTS / script))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_environment_imports_all(kind: str, tmp_path: Path) -> None:
    """Every import statement that the scripts reach, and each script as a command."""
    python = in_clean_venv(kind, tmp_path / "venv")
    lines = sorted(set(import_lines(kind)), key=lambda line: (line.split()[1], line))
    (tmp_path / "all.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tried = subprocess.run([python, "-I", tmp_path / "all.py"], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    for script in scripts_in(kind):
        told = subprocess.run([python, SCRIPTS / script, "--help"], capture_output=True, text=True)
        assert told.returncode == 0 and "usage:" in told.stdout, told.stderr


def test_the_files_that_packages_are_installed_for_are_there() -> None:
    """`pip install --no-deps` installs them for these files alone."""
    for package, file in (
        ("pretty_midi", "TimGM6mb.sf2"),
        ("open_clip", "bpe_simple_vocab_16e6.txt.gz"),
    ):
        spec = importlib.util.find_spec(package)
        assert spec and spec.origin and (Path(spec.origin).parent / file).is_file()
