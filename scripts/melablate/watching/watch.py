"""Everything that looks at a run; loaded by its name, for no run's identity knows of it."""

from pathlib import Path
from typing import Any

from ..audio.codec_text import parse_codec
from ..models.base import load_base
from ..progress import say
from ..training.images import Images
from ..training.run import Look, Run
from ..training.state import State
from ..training.text import Texts
from .sampling import Samples
from .settings import Watch


def watch(
    run: Run, told: dict[str, Any], folder: Path, heldout: Images | None, codec: str | None
) -> None:
    """Add to the run's looks what the settings ask for."""
    settings, samples = Watch.model_validate(told), None
    if settings.every is not None and heldout is not None:
        if codec is None:
            raise SystemExit(
                "the latents do not say how their images become sound, as --watch-every needs: "
                "they are of an older version; encode them anew"
            )
        vae: Any = None
        if run.processes.first:
            vae = load_base(run.base.folder, ("vae",)).vae.to(run.processes.device)
        samples = Samples(settings, folder, heldout, vae, parse_codec(codec))
        run.looks.append(_harmless(samples.look))
        run.more_captions |= {"", *samples.captions}
    if settings.tensorboard:
        from .board import Board

        run.looks.append(_harmless(Board(folder, samples).look))


def _harmless(look: Look) -> Look:
    """The same look until it can't read or write: told once, for the run is worth more than it."""
    blind = False

    def looked(run: Run, state: State, texts: Texts, done: int) -> None:
        nonlocal blind
        if blind:
            return
        try:
            look(run, state, texts, done)
        except OSError as error:
            blind = True
            say(f"{run.name}: nothing more is shown of this run, which goes on: {error}")

    return looked
