"""Modules that a training run picks by name."""

from .adapter_settings import AdapterDropout
from .settings import Train


def plugins(train: Train) -> list[str]:
    """Their files, relative to the library's folder.

    They are part of the run's code, but no import statement shows it. Apart from the settings,
    so that another one to choose from is no change of the trainer's own code.
    """
    found = [
        f"training/losses/{train.loss.kind}.py",
        f"training/optimizers/{train.optimizer.kind}.py",
        *(f"training/noise_{kind}.py" for kind in train.noise_kinds),
    ]
    where = {
        "training/noise_perturbation.py": train.input_perturbation > 0,
        "training/losses/spectrogram.py": train.spectrogram_loss is not None,
        "training/validating.py": train.validation is not None,
        "training/ema.py": train.ema is not None,
        "training/adapter_masks.py": train.adapter_dropout != AdapterDropout(),
        "training/recompute.py": train.gradient_checkpointing,
    }
    return found + [name for name, used in where.items() if used]
