"""Event files for TensorBoard: what the logs hold, and the samples' pictures."""

from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from ..training.run import Run
from ..training.state import State
from ..training.text import Texts
from .sampling import Samples


class Board:
    """Written anew by every try, from its beginning on: nothing is lost or there twice."""

    def __init__(self, folder: Path, samples: Samples | None) -> None:
        self.folder, self.samples = folder, samples
        self.writer: SummaryWriter | None = None
        self.lines = 0
        self.shown: set[tuple[str, int]] = set()

    def look(self, run: Run, state: State, texts: Texts, done: int) -> None:
        """Write what is new, in the first process."""
        if not run.processes.first:
            return
        if self.writer is None:
            for old in self.folder.glob("events.out.tfevents.*"):
                old.unlink()
            self.writer = SummaryWriter(self.folder)
        for step, _, loss, rate, norm in state.log.rows[self.lines :]:
            values = {"train/loss": loss, "train/lr": rate, "train/grad_norm": norm}
            for tag, value in values.items():
                self.writer.add_scalar(tag, value, int(step))
        self.lines = len(state.log.rows)
        for step, loss in state.validation:
            self._scalar("validation/loss", loss, step)
        if self.samples is not None:
            self._samples(self.samples)
        if done == run.steps:
            self.writer.close()

    def _samples(self, samples: Samples) -> None:
        for step, row in samples.rows.items():
            for name, value in row.items():
                self._scalar(f"of_ceiling/{name}", value, step)
                self._scalar(f"of_real/{name}", value / samples.of_real[name], step)
            for path in sorted(self.folder.glob(f"step-{step:07}-*.png")):
                tag = f"samples/{path.stem.rpartition('-')[2]}"
                if self._new(tag, step) and self.writer is not None:
                    picture = np.asarray(Image.open(path).convert("RGB"))
                    self.writer.add_image(tag, picture, step, dataformats="HWC")

    def _scalar(self, tag: str, value: float, step: int) -> None:
        if self._new(tag, step) and self.writer is not None:
            self.writer.add_scalar(tag, value, step)

    def _new(self, tag: str, step: int) -> bool:
        new = (tag, step) not in self.shown
        self.shown.add((tag, step))
        return new
