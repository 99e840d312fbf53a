"""Files of low-rank adapters: in diffusers' keys and in kohya's, read and written."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .base import Base
from .lora_checks import check_alpha, check_layer, number, refuse_foreign
from .lora_keys import bare, is_xl, kohya_name, names_by_kohya, wrapped
from .weights import read_tensors, save_tensors

ENDS = (
    (".lora_A.weight", ".lora_B.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    (".lora_down.weight", ".lora_up.weight"),
)
"""Of peft, of diffusers before it (two spellings), of kohya."""
KOHYA = ENDS[-1]
DIFFUSERS_METADATA = "lora_adapter_metadata"


@dataclass(frozen=True)
class Layer:
    """The update of one layer: scale · up · down, in float32."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float

    def update(self) -> torch.Tensor:
        """As a matrix [out, in]; kernels of convolutions are flattened."""
        return self.up.flatten(1) @ self.down.flatten(1) * self.scale


def read(path: Path, base: Base) -> dict[str, Layer]:
    """Adapted layers of a file by `<network>.<place>`, text models not wrapped; all fit the base.

    Without a word about alpha it is the rank, as diffusers and kohya have it.
    """
    tensors, metadata = read_tensors(path)
    # What a module is called within one that was compiled.
    tensors = {
        key.replace("_orig_mod_", "").replace("_orig_mod.", ""): tensors[key] for key in tensors
    }
    by_kohya = names_by_kohya(base) if any(key.endswith(KOHYA[0]) for key in tensors) else {}
    layers: dict[str, Layer] = {}
    used: set[str] = set()
    for key in sorted(tensors):
        for down, up in (ends for ends in ENDS if key.endswith(ends[0])):
            stem = key.removesuffix(down)
            name = by_kohya.get(stem) if (down, up) == KOHYA else bare(stem)
            if name is None or stem + up not in tensors:
                break
            rank, alpha = len(tensors[key]), tensors.get(f"{stem}.alpha")
            told = _alpha(path, metadata, name, rank) if alpha is None else float(alpha)
            down_, up_ = tensors[key].float(), tensors[stem + up].float()
            check_layer(path, base, name, down_, up_)
            layers[name] = Layer(down_, up_, check_alpha(path, name, told) / rank)
            used |= {key, stem + up, f"{stem}.alpha"}
    if foreign := sorted(tensors.keys() - used):
        refuse_foreign(path, base, foreign)
    if not layers:
        raise SystemExit(f"{path} is no adapter of a base like {base.folder}: it is empty")
    return layers


def _alpha(path: Path, metadata: Mapping[str, str], name: str, rank: int) -> float:
    """Of a layer without one of its own, where the file says it of its network."""
    if "alpha" in metadata and "rank" in metadata:
        return number(path, metadata, "alpha") * rank / number(path, metadata, "rank")
    try:
        told = json.loads(metadata.get(DIFFUSERS_METADATA, "{}"))
        network, _, place = name.partition(".")
        patterns = told.get(f"{network}.alpha_pattern") or {}
        return float(patterns.get(place, told.get(f"{network}.lora_alpha", rank)))
    except (ValueError, TypeError, AttributeError) as error:
        raise SystemExit(f"{path}: its metadata {DIFFUSERS_METADATA}: {error}") from None


def write_diffusers(
    path: Path,
    parameters: Mapping[str, torch.Tensor],
    alphas: Mapping[str, float],
    metadata: Mapping[str, str],
) -> None:
    """In the keys of diffusers and peft; `parameters` by `<network>.<place>.lora_A.weight`."""
    config: dict[str, Any] = {}
    for network in sorted({name.partition(".")[0] for name in parameters}):
        own = [stem for stem in stems(parameters) if stem.partition(".")[0] == network]
        places = {stem: bare(stem).partition(".")[2] for stem in own}
        ranks = {places[stem]: len(parameters[stem + ENDS[0][0]]) for stem in own}
        scales = {places[stem]: alphas[stem] for stem in own}
        for key, of, values in (("r", "rank", ranks), ("lora_alpha", "alpha", scales)):
            usual = _most_common(values.values())
            odd = {place: value for place, value in values.items() if value != usual}
            config[f"{network}.{key}"] = usual
            config |= {f"{network}.{of}_pattern": odd} if odd else {}
        config[f"{network}.target_modules"] = sorted(places.values())
    told = {DIFFUSERS_METADATA: json.dumps(config, sort_keys=True)}
    _write(path, parameters, wrapped, ENDS[0], {}, told | dict(metadata))


def _most_common(values: Iterable[float]) -> float:
    return Counter(values).most_common(1)[0][0]


def write_kohya(
    path: Path,
    parameters: Mapping[str, torch.Tensor],
    alphas: Mapping[str, float],
    base: Base,
    metadata: Mapping[str, str],
) -> None:
    """In kohya's keys, with alpha to each layer; nothing of when or where it was made."""
    told = {
        "ss_network_module": "networks.lora",
        "ss_base_model_version": "sdxl_base_v1-0" if is_xl(base.unet) else "sd_v1",
    }

    def name(stem: str) -> str:
        return kohya_name(stem, base.unet)

    more = {f"{name(stem)}.alpha": torch.tensor(alpha) for stem, alpha in alphas.items()}
    _write(path, parameters, name, KOHYA, more, told | dict(metadata))


def stems(parameters: Mapping[str, torch.Tensor]) -> list[str]:
    """Names of the layers that parameters belong to."""
    down = ENDS[0][0]
    return sorted(name.removesuffix(down) for name in parameters if name.endswith(down))


def _write(
    path: Path,
    parameters: Mapping[str, torch.Tensor],
    rename: Callable[[str], str],
    ends: tuple[str, str],
    more: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
) -> None:
    tensors = dict(more)
    for stem in stems(parameters):
        for old, new in zip(ENDS[0], ends, strict=True):
            tensors[rename(stem) + new] = parameters[stem + old]
    save_tensors(path, tensors, {"format": "pt"} | dict(metadata))
