"""Which training objectives go together, and how weights tell theirs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the settings ask for it themselves
    from .settings import Train


def contradiction(train: "Train", of_base: str) -> str | None:
    """What is wrong with an arm's objective on a base that predicts `of_base`; none: nothing."""
    kind = train.prediction_type or of_base
    whose = "" if train.prediction_type else ", as the base does"
    if train.zero_terminal_snr and kind == "epsilon":
        return (
            f"zero_terminal_snr is set, but the network predicts ε{whose}: where nothing is left "
            "of the signal, ε is the input itself and teaches nothing; set "
            "train.prediction_type: v_prediction"
        )
    if train.scale_v_like_epsilon and kind != "v_prediction":
        return f"scale_v_like_epsilon is for v_prediction, but the network predicts ε{whose}"
    if train.v_like_loss and kind == "v_prediction":
        return f"v_like_loss is for epsilon, but the network predicts v{whose}"
    return None


def told(train: "Train") -> dict[str, str]:
    """What weights predict, where it is not what their base does, as metadata of their file.

    In the names of Stability AI's model spec and of kohya's trainer.
    """
    found = {}
    if train.prediction_type is not None:
        names = {"v_prediction": "v", "epsilon": "epsilon"}
        found["modelspec.prediction_type"] = names[train.prediction_type]
    if train.zero_terminal_snr:
        found["ss_zero_terminal_snr"] = "True"
    return found
