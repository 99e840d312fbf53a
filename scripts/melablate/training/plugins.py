"""Modules that a training run picks by name."""

from .settings import Train


def plugins(train: Train) -> list[str]:
    """Their files, relative to the library's folder.

    They are part of the run's code, but no import statement shows it. Apart from the settings,
    so that another one to choose from is no change of the trainer's own code.
    """
    found = [
        f"training/losses/{train.loss.kind}.py",
        f"training/optimizers/{train.optimizer.kind}.py",
    ]
    if train.spectrogram_loss is not None:
        found.append("training/losses/spectrogram.py")
    if train.validation is not None:
        found.append("training/validating.py")
    return found
