"""Requests against what Slurm's own tools say; tests/cluster asks a real one."""

from pathlib import Path
from typing import Any

import pytest
from melablate.doctor import nodes, slurm
from melablate.doctor.patient import Request, Site
from patients import bad, levels, path, patient, program

__all__ = ["path"]
PARTITIONS = """PartitionName=cpu AllowAccounts=ALL Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=gpu AllowAccounts=lab,other Default=NO MaxTime=12:00:00 State=UP
PartitionName=old AllowAccounts=ALL Default=NO MaxTime=UNLIMITED State=DOWN
"""
NODES = "n1|cpu*|8|64000|(null)|(null)\nn2|gpu|16|128000|a100|gpu:a100:4\nn3|old|8|9000||(null)\n"


@pytest.fixture(autouse=True)
def cluster(path: Path) -> Any:
    """As slurmtest of tests/cluster/slurm-up would answer."""
    nodes.all_nodes.cache_clear()
    program(path, "sinfo", NODES)
    (path / "scontrol").write_text(
        f"""#!/bin/sh
case "$2" in
partition) cat <<'E'
{PARTITIONS}E
;;
config) echo "MinJobAge               = 300 sec" ;;
esac
"""
    )
    (path / "scontrol").chmod(0o755)
    program(path, "sacctmgr", "lab\n")
    program(path, "sbatch", "", err="sbatch: Job 1 to start now")
    program(path, "sacct", "")
    yield
    nodes.all_nodes.cache_clear()


def examined(root: Path, settings: Any = None, last: Any = None, **resources: Any) -> list[str]:
    asked = {"runtime": 60, "mem_mb": 8000, "_cores": 1} | resources
    request = Request("train_arm", asked, asked | (last or {}))
    site = Site("slurm", settings=settings or {"status_command": "squeue"}, requests=(request,))
    found = list(slurm.check(patient(root, site)))
    bad(found)
    assert "UNKNOWN" not in levels(found)
    return [f"{one.level.name} {one.what}" for one in found if one.level.name != "OK"]


def test_all_is_well(tmp_path: Path) -> None:
    assert examined(tmp_path, slurm_account="lab", slurm_partition="gpu", gpu=1) == []


@pytest.mark.parametrize(
    ("resources", "level", "words"),
    [
        ({"slurm_account": "nobody"}, "FAILURE", "account nobody: not one of yours (lab)"),
        ({"slurm_partition": "gpus"}, "FAILURE", "not there; known: cpu, gpu, old"),
        ({"slurm_partition": "old"}, "WARNING", "is DOWN"),
        ({"slurm_partition": "gpu", "runtime": 721}, "FAILURE", "run time of 721 min"),
        ({"mem_mb": 64001}, "FAILURE", "memory of 64001 MB, partition cpu has 64000"),
        ({"_cores": 9}, "FAILURE", "cores of 9"),
        ({"slurm_partition": "gpu", "gpu": 5}, "FAILURE", "GPUs of 5"),
        ({"mem_mb": 30000, "last": {"mem_mb": 90000}}, "WARNING", "90000 MB in its last try"),
    ],
)
def test_what_does_not_fit(
    resources: dict[str, Any], level: str, words: str, tmp_path: Path
) -> None:
    (said,) = examined(tmp_path, **resources)
    assert said.startswith(level) and words in said


def test_an_account_that_a_partition_does_not_take(path: Path, tmp_path: Path) -> None:
    program(path, "sacctmgr", "lab\nthesis\n")
    (said,) = examined(tmp_path, slurm_partition="gpu", slurm_account="thesis")
    assert said.startswith("FAILURE") and "open to lab, other, not to thesis" in said
    (said,) = examined(tmp_path)
    assert said == "WARNING no account is named, and you have lab, thesis"


def test_a_list_of_partitions(tmp_path: Path) -> None:
    (said,) = examined(tmp_path, slurm_partition="gpu,cpu", mem_mb=64001)
    assert said.startswith("FAILURE train_arm: memory of 64001 MB, partition cpu has 64000")


def test_a_partition_whose_jobs_do_not_come_back(path: Path, tmp_path: Path) -> None:
    text = (path / "scontrol").read_text().replace("MaxTime=12:00:00", "PreemptMode=CANCEL")
    kind = 'config) echo "PreemptType = preempt/partition_prio";'
    (path / "scontrol").write_text(text)
    assert examined(tmp_path, slurm_partition="gpu") == []  # nothing is preempted
    (path / "scontrol").write_text(text.replace("config)", kind))
    (said,) = examined(tmp_path, slurm_partition="gpu")
    assert said == "WARNING partition gpu cancels jobs that have to make way for others"
    assert examined(tmp_path, slurm_partition="cpu") == examined(tmp_path) == []
    (path / "scontrol").write_text(
        text.replace("config)", kind).replace("Default=YES", "Default=YES PreemptMode=CANCEL")
    )
    (said,) = examined(tmp_path)  # it names none
    assert "partition cpu cancels" in said


def test_slurm_has_the_last_word(path: Path, tmp_path: Path) -> None:
    program(path, "sbatch", "", 1, "allocation failure: Requested node configuration is odd\n")
    (said,) = examined(tmp_path)
    assert said == "FAILURE Slurm would refuse train_arm: Requested node configuration is odd"


def test_how_jobs_are_watched(path: Path, tmp_path: Path) -> None:
    text = (path / "scontrol").read_text()
    (path / "scontrol").write_text(text.replace("300 sec", "60 sec"))
    (said,) = examined(tmp_path)
    assert said == "WARNING MinJobAge is 60 s, less than 200"
    assert examined(tmp_path, settings={"status_command": "sacct"}) == []
    program(path, "sacct", "", 1, "sacct: error: Slurm accounting storage is disabled")
    (said,) = examined(tmp_path, settings={"status_command": "sacct"})
    assert said.startswith("FAILURE sacct does not answer")


def test_a_file_of_partitions(tmp_path: Path) -> None:
    file = tmp_path / "partitions.yaml"
    settings = {"status_command": "squeue", "partition_config": str(file)}
    file.write_text("partitions: {cpu: {}, gpu: {max_gpu: 4}}")
    assert examined(tmp_path, settings) == []
    file.write_text("partitions: {cpu: {}, gpus: {}}")
    (said,) = examined(tmp_path, settings)
    assert said.startswith("FAILURE") and "no partition gpus" in said
    file.write_text("cpu: {}")
    (said,) = examined(tmp_path, settings)
    assert "cannot be used" in said


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("1-00:00:00", 1440),
        ("12:00:00", 720),
        ("30:00", 30),
        ("UNLIMITED", 0),
        ("7-12:30:00", 10830),
    ],
)
def test_times(told: str, wanted: int) -> None:
    assert slurm.minutes(told) == wanted


def test_without_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(list(slurm.check(patient(tmp_path)))) == ["OK"]
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = bad(list(slurm.check(patient(tmp_path, Site("slurm")))))
    assert found.level.name == "FAILURE" and "no sbatch in PATH" in found.what
