"""What is left out of adapters while they train."""

from typing import Annotated

from pydantic import Field

from ..settings import Settings

Share = Annotated[float, Field(ge=0, lt=1)]


class AdapterDropout(Settings):
    """Parts of adapters that are zero for a sample while training; what is left is scaled up.

    Drawn for each sample by itself, so neither the batch nor a resumed run changes it.
    """

    input: Share = 0.0
    """Share of an adapter's inputs (Hu et al. 2021; peft's lora_dropout)."""
    neuron: Share = 0.0
    """Share of the values between down- and up-projection (kohya's network_dropout)."""
    rank: Share = 0.0
    """Share of the ranks (kohya's rank_dropout)."""
    module: Share = 0.0
    """Share of whole adapters, drawn for each step; what is left is not scaled (kohya's
    module_dropout)."""
