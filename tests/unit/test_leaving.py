"""A run that is asked to stop, or whose time or disk is up, leaves with something to go on from."""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from melablate.training import budget, job, text, validating
from melablate.training.budget import Budget
from melablate.training.signals import SIGNALS, TEMPORARY
from melablate.training.state import State
from melablate.watching import sampling
from training_runs import command, run, start, weights, write_latents

SETTINGS = {"steps": 6, "rank": 2, "lr": 1e-2, "log_every": 2}


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """A run in this process takes over its signals; give them back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def same(one: Path, other: Path) -> None:
    for end in ("safetensors", "csv"):
        pair = [path.with_name(f"{path.name}.{end}").read_bytes() for path in (one, other)]
        assert pair[0] == pair[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_while_it_imports_ends_it(
    bases: dict[str, Path], latents: Path, tmp_path: Path, number: int
) -> None:
    out = tmp_path / "arm" / "train"
    process = start(command(bases["sd"], out, SETTINGS, "--latents", latents))
    while not (out.parent / ".train.lock").exists():  # then the heavy imports begin
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == TEMPORARY, said
    assert "before the first step" in said and "Traceback" not in said
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize(("module", "name"), [(job, "load_base"), (text, "encode")])
def test_a_signal_while_it_loads_or_encodes_ends_it_there(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    module: Any, name: str,
) -> None:  # fmt: skip
    def signalled(*_: Any, **__: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("it went on")

    monkeypatch.setattr(module, name, signalled)
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            run(bases["sd"], tmp_path / "t", SETTINGS, latents)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == TEMPORARY
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [0, 3, 6])  # before the first step, between two, after the last
@pytest.mark.parametrize("where", ["validation", "samples"])
def test_a_signal_while_it_looks_ends_the_look_and_the_next_try_looks_again(
    bases: dict[str, Path],
    latents: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: int,
    where: str,
) -> None:
    settings = SETTINGS | {"validation": {"every": 3, "draws": 4}, "ema": {}, "batch_size": 1}
    given = {"watch": {"every": 3, "steps": 4}, "watch_folder": tmp_path / "shown"}
    run(bases["sd"], tmp_path / "whole", settings, latents, **given)
    module, name = (validating, "predict") if where == "validation" else (sampling, "predict")
    seen: list[int] = []
    right = getattr(module, name)

    def signalled(*words: Any) -> Any:
        seen.append(len(seen))
        if len(seen) == 1 + 4 * (place // 3):
            os.kill(os.getpid(), signal.SIGTERM)
        return right(*words)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, signalled)
        with pytest.raises(SystemExit) as left:
            run(bases["sd"], tmp_path / "t", settings, latents, **given)
    assert left.value.code == TEMPORARY
    assert len(seen) == 1 + 4 * (place // 3)  # three more were to come
    assert run(bases["sd"], tmp_path / "t", settings, latents, **given)["resumed_at"] == place
    same(tmp_path / "whole", tmp_path / "t")
    validated = [tmp_path / f"{one}.validation.csv" for one in ("whole", "t")]
    assert validated[0].read_bytes() == validated[1].read_bytes()


def test_a_run_whose_time_is_up_leaves_and_each_try_gets_further(
    bases: dict[str, Path], latents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = SETTINGS | {"steps": 4}
    run(bases["sd"], tmp_path / "whole", settings, latents)
    for done in (1, 2, 3):
        with pytest.raises(SystemExit) as left:
            run(bases["sd"], tmp_path / "t", settings, latents, budget=0.001)
        assert left.value.code == TEMPORARY
        assert f"time is up, saved step {done}/4; run the same command" in capsys.readouterr().err
    assert run(bases["sd"], tmp_path / "t", settings, latents, budget=0.001)["resumed_at"] == 3
    same(tmp_path / "whole", tmp_path / "t")


def test_time_is_left_for_the_next_step_and_the_save(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(budget.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(budget.time, "time", lambda: 5e9 + clock[0])
    monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
    assert not Budget.of_job(0.0, None).over()
    left = Budget.of_job(900.0, 200.0)  # until 1100
    assert left.ends == 1100 and not left.over()
    left.saved(4.0)
    clock[0] = 1030.0  # a step of 30 s: the next one would end at 1060, and a save by 1068
    assert not left.over()
    clock[0] = 1060.0
    assert not left.over()
    clock[0] = 1062.5  # + 30 + 2 · 4 is too late
    assert left.over()
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(5e9 + 1075))
    assert Budget.of_job(900.0, 200.0).ends == 1075
    assert Budget.of_job(900.0, 100.0).ends == 1000
    assert Budget.of_job(900.0, None).ends == 1075


def test_what_comes_before_the_first_step_is_a_stretch_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The validation before step 1 takes as long as the next one, which must not be begun late."""
    clock = [1000.0]
    monkeypatch.setattr(budget.time, "monotonic", lambda: clock[0])
    left = Budget(ends=1100.0, saving=1.0)
    left.begin()
    clock[0] = 1040.0
    assert not left.over()
    clock[0] = 1059.0  # one more such stretch would end at 1099, and a save at 1101
    assert left.over()


def test_a_full_disk_leaves_the_last_state_as_it_was(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Writes that fail for real: files may not grow beyond a few bytes."""
    save, (soft, hard) = State.save, resource.getrlimit(resource.RLIMIT_FSIZE)
    state = tmp_path / "t.resume-0123456789ab" / "state.safetensors"
    seen: list[bytes] = []

    def limited(self: State, this: Any, done: int, leaving: bool) -> None:
        if done in (2, 5):
            save(self, this, done, leaving)
            seen.append(state.read_bytes())
            return
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            save(self, this, done, leaving=done == 6)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not seen or state.read_bytes() == seen[-1]

    settings = SETTINGS | {"steps": 9}
    run(bases["sd"], tmp_path / "whole", settings, latents)
    monkeypatch.setattr(State, "save", limited)
    with pytest.raises(SystemExit, match=r"step 6 could not be saved .*run the same command again"):
        run(bases["sd"], tmp_path / "t", settings, latents, save_every=1)
    said = capsys.readouterr().err
    assert "step 1 could not be saved" in said and "step 4 could not be saved" in said
    assert "training goes on and tries again" in said
    assert [path.name for path in state.parent.iterdir()] == [state.name]
    monkeypatch.setattr(State, "save", save)
    assert run(bases["sd"], tmp_path / "t", settings, latents)["resumed_at"] == 5
    same(tmp_path / "whole", tmp_path / "t")


def test_outputs_that_find_no_room_are_told_and_the_state_stays(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        real = job.write_outputs

        def limited(*given: Any) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
            try:
                real(*given)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        patch.setattr(job, "write_outputs", limited)
        with pytest.raises(SystemExit, match=r"outputs could not be written .*Make room"):
            run(bases["sd"], tmp_path / "t", SETTINGS, latents, save_every=4)
    assert run(bases["sd"], tmp_path / "t", SETTINGS, latents)["resumed_at"] == 4
    assert weights(tmp_path / "t")
