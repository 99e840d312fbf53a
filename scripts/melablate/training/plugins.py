"""Modules that a training run picks by name."""

from .settings import Train


def plugins(train: Train) -> list[str]:
    """Their files, relative to the library's folder.

    They are part of the run's code, but no import statement shows it. Apart from the settings,
    so that another one to choose from is no change of the trainer's own code.
    """
    spectrogram = ["training/losses/spectrogram.py"] if train.spectrogram_loss else []
    return [
        *spectrogram,
        f"training/losses/{train.loss.kind}.py",
        f"training/optimizers/{train.optimizer.kind}.py",
    ]
