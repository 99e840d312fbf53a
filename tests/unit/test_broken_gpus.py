"""Jobs whose GPU does not work end before any work, and their node is left out."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from melablate.cluster import broken_gpus
from melablate.cluster.broken_gpus import LeaveOut, broken_nodes, check_gpus

TRIAL = Path(broken_gpus.__file__).with_name("gpu_trial.py")
STUB = """\
def fails(said): raise RuntimeError(said)
class cuda:
    init = staticmethod(lambda: {init})
    device_count = staticmethod(lambda: {count})
class version:
    cuda, hip = {cuda!r}, None
class Product:
    def __matmul__(self, other): return self
    def __ne__(self, size): return self
    def sum(self): return {wrong}
def ones(*shape, device): return Product()
"""


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURMD_NODENAME", "gpu7")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")


def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    program = tmp_path / "trial"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setenv(broken_gpus.TRIAL, str(program))
    return tmp_path / "broken"


def test_a_gpu_that_fails_is_named_and_noted(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trial(tmp_path, monkeypatch, "echo lost >&2; echo 'CUDA error: ECC' >&2; exit 1")
    with pytest.raises(SystemExit, match=r"GPU of gpu7 .*CUDA error: ECC.* job 12 ends before"):
        check_gpus(folder)
    assert broken_nodes(folder) == {"gpu7": "CUDA error: ECC (CUDA_VISIBLE_DEVICES=0)"}


def test_a_gpu_that_hangs_is_left(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken_gpus, "PATIENCE", 0.1)
    folder = trial(tmp_path, monkeypatch, "exec sleep 60")
    with pytest.raises(SystemExit, match="no answer within"):
        check_gpus(folder)
    assert list(broken_nodes(folder)) == ["gpu7"]


def test_a_gpu_that_works_costs_no_word(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_gpus(folder := trial(tmp_path, monkeypatch, "exit 0"))
    assert not folder.exists()


@pytest.mark.parametrize(
    ("stub", "said"),
    [
        ({}, ""),
        ({"cuda": None}, "stays idle"),
        ({"init": "1 / 0"}, "division"),
        ({"init": "fails('CUDA error: ECC')"}, "CUDA error: ECC"),
        ({"count": 1}, "1 of 2 GPUs can be seen"),
        ({"wrong": 3}, "GPU 0 computes 3 of 1048576 products wrongly"),
    ],
)
def test_the_trial_asks_all_gpus_for_a_product(
    tmp_path: Path, stub: dict[str, object], said: str
) -> None:
    """Of a stand-in for torch, as there is no GPU here."""
    values = {"init": "None", "count": 2, "cuda": "13.0", "wrong": 0} | stub
    (tmp_path / "torch.py").write_text(STUB.format(**values))
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "CUDA_VISIBLE_DEVICES": "0,1"}
    done = subprocess.run([sys.executable, TRIAL], capture_output=True, text=True, env=environment)
    assert said in done.stderr
    assert (done.returncode == 0) == (not said or "idle" in said)


@pytest.mark.parametrize(
    ("stub", "said"),
    [
        ("import no_such_module", "torch cannot be imported: No module named 'no_such_module'"),
        ("raise OSError('libcudart.so: cannot open')", "torch cannot be imported: libcudart"),
        (
            STUB.format(
                init="fails('The NVIDIA driver on your system is too old (found version 11040)')",
                count=1,
                cuda="13.0",
                wrong=0,
            ),
            "too old",
        ),
    ],
)
def test_what_no_node_can_mend_is_not_held_against_one(
    node: None, stub: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(stub)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv(broken_gpus.TRIAL, raising=False)
    with pytest.raises(SystemExit, match=f"this environment cannot use.*{said}"):
        check_gpus(tmp_path / "broken")
    assert not broken_nodes(tmp_path / "broken")


def test_the_gpus_time_counts_from_where_torch_is_loaded(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow import is nobody's fault; a GPU that hangs after it is."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv(broken_gpus.TRIAL, raising=False)
    monkeypatch.setattr(broken_gpus, "PATIENCE", 5.0)
    slow, folder = "import time\ntime.sleep(6)\n", tmp_path / "broken"
    values = {"count": 1, "cuda": "13.0", "wrong": 0}
    (tmp_path / "torch.py").write_text(slow + STUB.format(init="None", **values))
    check_gpus(folder)
    monkeypatch.setattr(broken_gpus, "LOADING", 0.1)
    with pytest.raises(SystemExit, match="torch was not loaded within"):
        check_gpus(folder)
    assert not broken_nodes(folder)
    monkeypatch.setattr(broken_gpus, "LOADING", 60.0)
    monkeypatch.setattr(broken_gpus, "PATIENCE", 0.1)
    (tmp_path / "torch.py").write_text(slow + STUB.format(init="time.sleep(60)", **values))
    with pytest.raises(SystemExit, match="no answer within"):
        check_gpus(folder)
    assert list(broken_nodes(folder)) == ["gpu7"]


def test_the_executor_is_told_of_each_node_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = SimpleNamespace(_failed_nodes={"cpu3", "None assigned"})
    scheduler, leave_out = SimpleNamespace(_executor=executor), LeaveOut(tmp_path)
    leave_out(scheduler)
    assert executor._failed_nodes == {"cpu3"} and not capsys.readouterr().err
    for name in ("gpu7", "gpu8"):
        (tmp_path / f"{name}.txt").write_text("CUDA error: ECC\n")
    os.utime(tmp_path / "gpu8.txt", (0, 0))  # it has been mended since
    leave_out(scheduler)
    leave_out(scheduler)
    assert executor._failed_nodes == {"cpu3", "gpu7"}
    said = capsys.readouterr().err
    assert said.count("gpu7: its GPU does not work: CUDA error: ECC") == 1 and "gpu8" not in said
    leave_out(SimpleNamespace(_executor=SimpleNamespace()))  # another executor has no such list


def test_a_node_that_was_mended_gets_jobs_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While Snakemake runs; and one that breaks again is told again."""
    executor = SimpleNamespace(_failed_nodes={"cpu3"})
    scheduler, leave_out = SimpleNamespace(_executor=executor), LeaveOut(tmp_path)
    for _ in range(2):
        (tmp_path / "gpu7.txt").write_text("CUDA error: ECC\n")
        leave_out(scheduler)
        assert executor._failed_nodes == {"cpu3", "gpu7"}
        assert capsys.readouterr().err.count("gpu7: its GPU does not work") == 1
        (tmp_path / "gpu7.txt").unlink()
        leave_out(scheduler)
        assert executor._failed_nodes == {"cpu3"} and not capsys.readouterr().err
