"""Other programs, asked with patience: absent, silent and failing ones are answers too."""

import shutil
import subprocess
from dataclasses import dataclass

PATIENCE = 30.0
"""Seconds after which a program counts as silent."""


@dataclass(frozen=True)
class Answer:
    """What a program said."""

    code: int
    out: str
    err: str

    @property
    def good(self) -> bool:
        """It ended as it should."""
        return self.code == 0

    @property
    def complaint(self) -> str:
        """The first line of its error."""
        said = (self.err or self.out).strip()
        return said.partition("\n")[0] or f"it ended with {self.code}"


def present(program: str) -> bool:
    """Whether it is in PATH."""
    return shutil.which(program) is not None


def ask(*command: str, patience: float = PATIENCE) -> Answer:
    """Run a program that changes nothing."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Answer(124, "", f"{command[0]}: no answer within {patience:g} s")
    except OSError as error:
        return Answer(127, "", f"{command[0]}: {error.strerror or error}")
    return Answer(done.returncode, done.stdout, done.stderr)
