"""Everything that an optimizer remembers, as tensors and numbers, and back.

Not only its moments: some keep numbers to a group (Prodigy's step size, schedule-free's weights of
the average), or tensors that weights share (8-bit AdamW's code book).
"""

from collections.abc import Mapping
from typing import Any

import torch

NUMBER = (bool, int, float, type(None))


def remembered(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors by `<number of the weight>.<what>`, and what JSON can hold."""
    tensors: dict[str, torch.Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    owners = set[int]()
    for index, weight in enumerate(_weights(optimizer)):
        for key, value in optimizer.state.get(weight, {}).items():
            if isinstance(value, torch.Tensor):
                # A safetensors file has each tensor for itself.
                shared = value.data_ptr() in owners
                tensors[f"{index}.{key}"] = value.clone() if shared else value
                owners.add(value.data_ptr())
            else:
                numbers.setdefault(str(index), {})[key] = value
    groups = [
        {key: value for key, value in group.items() if isinstance(value, NUMBER)}
        for group in optimizer.param_groups
    ]
    return tensors, {"weights": numbers, "groups": groups}


def recall(
    optimizer: torch.optim.Optimizer,
    tensors: Mapping[str, torch.Tensor],
    numbers: Mapping[str, Any],
) -> None:
    """Put it back into an optimizer that was made alike."""
    state: dict[int, dict[str, Any]] = {
        int(index): dict(values) for index, values in numbers["weights"].items()
    }
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor.clone()
    groups = optimizer.state_dict()["param_groups"]
    told = [group | known for group, known in zip(groups, numbers["groups"], strict=True)]
    optimizer.load_state_dict({"state": state, "param_groups": told})


def _weights(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]
