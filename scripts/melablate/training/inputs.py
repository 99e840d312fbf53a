"""Files and folders that a run reads, and what they must have in common."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ..audio.shard_files import shard_files
from ..files import sha256
from ..models.base import Base, autoencoder_digest, base_files, load_base
from ..models.weights import read_metadata
from .images import Images, cached_images, encoded_images
from .latents_settings import Latents
from .settings import Train


@dataclass(frozen=True)
class Inputs:
    """Their paths."""

    base: Path
    latents: Path | None = None
    images: Path | None = None
    regularization: Path | None = None
    warm_start: Path | None = None

    def check(self, settings: Train, latents: Latents) -> None:
        """What the settings ask for is given, and the other way round."""
        uses = {
            "latents": latents.cached,
            "images": not latents.cached,
            "regularization": settings.regularization is not None,
            "warm_start": settings.warm_start is not None,
        }
        missing = [name for name, used in uses.items() if used and getattr(self, name) is None]
        surplus = [name for name, used in uses.items() if not used and getattr(self, name)]
        for names, said in ((missing, "these settings need"), (surplus, "given but not used:")):
            if names:
                raise SystemExit(f"{said} --{' --'.join(names).replace('_', '-')}")

    def contents(self, settings: Train) -> str:
        """One digest of every file that the run reads."""
        files = [path for path in (self.latents, self.regularization) if path]
        files += shard_files(self.images) if self.images else []
        files += [self.warm_start] if self.warm_start else []
        decodes = settings.spectrogram_loss is not None
        files += base_files(self.base, autoencoder=decodes or self.images is not None)
        return " ".join(sha256(path)[:16] for path in files)

    def told(self) -> dict[str, str | None]:
        """As a record holds them."""
        return {name: path and str(path) for name, path in asdict(self).items()}

    def check_latents(self) -> None:
        """Cached latents are of this base's autoencoder: others look alike and teach nothing."""
        known = autoencoder_digest(self.base)
        for path in (self.latents, self.regularization):
            if path is not None and read_metadata(path).get("autoencoder", known) != known:
                raise SystemExit(
                    f"{path}: these latents were encoded by another autoencoder than that of "
                    f"{self.base}: give latents of this base, or encode them anew"
                )

    def read(
        self, settings: Train, latents: Latents, device: torch.device, split: str = "train"
    ) -> Images:
        """Clips of a split; words set aside what is trained on, not what it is measured by."""
        words = settings.exclude_words if split == "train" else ()
        if self.images is not None:
            vae = load_base(self.base, ("vae",)).vae.to(device)
            return encoded_images(self.images, vae, latents, words, split)
        assert self.latents is not None, "checked before"
        return cached_images(self.latents, words, split)

    def codec(self) -> str | None:
        """The parameters of the images' codec, as text."""
        if self.latents is not None:
            return read_metadata(self.latents).get("codec")
        # Here, for arms whose latents are cached do without.
        from ..audio.codec_text import codec_json
        from ..audio.shard_reading import codec_of

        return None if self.images is None else codec_json(codec_of(self.images))


def check_shape(base: Base, images: Images) -> None:
    """Latents that the base's UNet can take."""
    channels, height, width = images.source.shape
    if channels != base.unet.config.in_channels:
        raise SystemExit(
            f"latents have {channels} channels, the UNet of {base.folder} takes "
            f"{base.unet.config.in_channels}: they were encoded for another base"
        )
    step = 2 ** (len(base.unet.config.block_out_channels) - 1)
    if height % step or width % step:
        raise SystemExit(
            f"latents of {height}×{width} do not divide by {step}, as the UNet of {base.folder} "
            f"needs: choose images whose height and width are multiples of {step * base.pixels}"
        )
