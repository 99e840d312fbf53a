"""The run's samples, numbered from 0: which image, which variant, which caption."""

from dataclasses import dataclass

from .captions import caption_of, prepared
from .draws import Draws
from .images import Images
from .settings import Train


@dataclass(frozen=True)
class Sample:
    """One sample: everything about it is a function of seed, settings and its number."""

    number: int
    images: Images
    index: int
    variant: int
    caption: str
    weight: float

    @property
    def clip_id(self) -> str:
        """The clip that it shows."""
        return self.images.clip_ids[self.index]


class Stream:
    """An endless stream of samples; an epoch of it is a permutation of all that stands in one."""

    def __init__(
        self, settings: Train, draws: Draws, images: Images, regularization: Images | None = None
    ) -> None:
        self.settings, self.draws = settings, draws
        self.images, self.regularization = images, regularization
        self.own = len(images) * settings.repeats
        # Regularization images are cycled to the number of training images × repeats (kohya).
        self.epoch_size = self.own * (2 if regularization else 1)
        self._epoch, self._order = -1, list[int]()
        self._check()

    def _check(self) -> None:
        if self.settings.augment_share > 0 and self.images.source.variants < 2:
            raise SystemExit(
                "augment_share is set but there is no augmented variant of an image: "
                "set latents.specaugment too"
            )
        if self.settings.effective_batch > self.epoch_size * max(1, self.settings.epochs):
            raise SystemExit(
                f"a batch of {self.settings.effective_batch} is larger than all that there is to "
                f"train on ({len(self.images)} images × {self.settings.repeats} repeats × "
                f"{self.settings.epochs:g} epochs)"
            )
        other = self.regularization
        if other and other.source.shape != self.images.source.shape:
            raise SystemExit(
                f"regularization latents are {list(other.source.shape)}, training latents "
                f"{list(self.images.source.shape)}: make both with the same spectrogram settings"
            )

    def sample(self, number: int) -> Sample:
        """The run's n-th sample."""
        epoch, place = divmod(number, self.epoch_size)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = self.draws.permutation(self.epoch_size, "order", epoch)
        item = self._order[place]
        images, weight, variant = self.images, 1.0, 0
        if item < self.own or self.regularization is None:
            repeat, index = divmod(item, len(images))
            visit = epoch * self.settings.repeats + repeat
            variant = self._variant(number)
        else:
            images = self.regularization
            visit, index = divmod(epoch * self.own + item - self.own, len(images))
            weight = self.settings.regularization.weight if self.settings.regularization else 1.0
        caption = caption_of(images.captions[index], images.clip_ids[index], visit, self.draws)
        caption = prepared(caption, self.settings.captions, number, self.draws)
        return Sample(number, images, index, variant, caption, weight)

    def samples(self, first: int, count: int) -> list[Sample]:
        """Samples `first` … `first + count − 1`."""
        return [self.sample(number) for number in range(first, first + count)]

    def captions(self) -> list[str]:
        """Every caption that can come up unless captions are shuffled, in a fixed order."""
        found = {caption for track in self.images.captions for caption in track}
        if self.regularization:
            found |= {caption for track in self.regularization.captions for caption in track}
        if self.settings.captions.dropout:
            found.add("")
        return sorted(found)

    def _variant(self, number: int) -> int:
        share = self.settings.augment_share
        if share == 0 or self.draws.uniform("augment", number) >= share:
            return 0
        return 1 + self.draws.integer(self.images.source.variants - 1, "variant", number)
