"""The run's samples, numbered from 0: which image, which variant, which caption.

An epoch is sorted by a hash of each clip and visit. So a set with some clips left out, or with
regularization images mixed in, keeps the order of what it shares with another set.
"""

from dataclasses import dataclass

from .captions import caption_of, prepared
from .draws import Draws
from .images import Images
from .settings import Train


@dataclass(frozen=True)
class Sample:
    """One sample: everything about it is a function of seed, settings and its number."""

    images: Images
    index: int
    key: tuple[int | str, ...]
    """What its draws are keyed by: the set that it is from, its clip, its visit."""
    variant: int
    caption: str
    weight: float

    @property
    def clip_id(self) -> str:
        """The clip that it shows."""
        return self.images.clip_ids[self.index]


class Stream:
    """An endless stream of samples; an epoch of it is all that stands in one, in random order."""

    def __init__(
        self, settings: Train, draws: Draws, images: Images, regularization: Images | None = None
    ) -> None:
        self.settings, self.draws = settings, draws
        self.images, self.regularization = images, regularization
        self.own = len(images) * settings.repeats
        # Regularization images are cycled to the number of training images × repeats (kohya).
        self.epoch_size = self.own * (2 if regularization else 1)
        self._epoch, self._order = -1, list[tuple[bool, int, int]]()
        self._check()

    def _check(self) -> None:
        if self.settings.augment_share > 0 and self.images.source.variants < 2:
            raise SystemExit(
                "augment_share is set but there is no augmented variant of an image: "
                "set latents.specaugment too"
            )
        # Accumulation may reach into the next epoch; a batch may not hold a sample twice.
        if self.settings.batch_size > self.epoch_size:
            raise SystemExit(
                f"a batch of {self.settings.batch_size} is larger than all that there is to "
                f"train on ({len(self.images)} images × {self.settings.repeats} repeats"
                f"{', and as many of the regularization set' if self.regularization else ''}): "
                "lower batch_size or raise repeats"
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
            self._epoch, self._order = epoch, self._sorted(epoch)
        foreign, visit, index = self._order[place]
        images, weight = self.images, 1.0
        if foreign and self.regularization and self.settings.regularization:
            images, weight = self.regularization, self.settings.regularization.weight
        key = _key(images, foreign, visit, index)
        variant = 0 if foreign else self._variant(key)
        caption = caption_of(images.captions[index], images.clip_ids[index], visit, self.draws)
        caption = prepared(caption, self.settings.captions, self.draws, *key)
        return Sample(images, index, key, variant, caption, weight)

    def _sorted(self, epoch: int) -> list[tuple[bool, int, int]]:
        """(Of the regularization set?, visit, image) of an epoch's samples."""
        count, repeats = len(self.images), self.settings.repeats
        items = [
            (False, epoch * repeats + repeat, index)
            for repeat in range(repeats)
            for index in range(count)
        ]
        if self.regularization:
            count = len(self.regularization)
            cycled = range(epoch * self.own, (epoch + 1) * self.own)
            items += [(True, *divmod(number, count)) for number in cycled]

        def rank(item: tuple[bool, int, int]) -> int:
            images = self.regularization if item[0] and self.regularization else self.images
            return self.draws.number("order", *_key(images, *item))

        return sorted(items, key=rank)

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

    def _variant(self, key: tuple[int | str, ...]) -> int:
        share = self.settings.augment_share
        if share == 0 or self.draws.uniform("augment", *key) >= share:
            return 0
        return 1 + self.draws.integer(self.images.source.variants - 1, "variant", *key)


def _key(images: Images, foreign: bool, visit: int, index: int) -> tuple[int | str, ...]:
    return ("regularization" if foreign else "own", images.clip_ids[index], visit)
