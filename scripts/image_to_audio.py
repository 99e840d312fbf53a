"""Spectrogram images back to sound, without any config: the image says what it is.

An image is a PNG of this workflow or of riffusion, or a shard or a folder of shards: all its rows,
or with `#CLIP_ID` after its name that one.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import soundfile
from melablate.audio.codec import decoder
from melablate.audio.image_files import Picture, read_pictures
from melablate.files import writing
from melablate.imports import quick_imports
from melablate.progress import Progress

with quick_imports():
    import torch


def main() -> None:
    """Write `<name of the image>.wav` into the folder `--out` for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--iterations", type=int, help="of Griffin-Lim, instead of the image's own")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    if arguments.iterations is not None and arguments.iterations < 1:
        raise SystemExit("--iterations: at least 1")
    done: dict[str, str] = {}
    progress = Progress("sound", len(arguments.images))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(arguments.images, 1):
        for picture in pictures(source):
            if picture.name in done:
                raise SystemExit(
                    f"{source}: {done[picture.name]} is {picture.name}.wav already; give images of "
                    "one name in calls of their own, with another --out"
                )
            done[picture.name] = source
            write(arguments.out, picture, arguments.iterations, arguments.device)
        progress.step(number)
    print(f"{len(done)} sounds → {arguments.out}")


def pictures(source: str) -> Iterator[Picture]:
    """The images of a file, or a word on what is wrong with it."""
    try:
        yield from read_pictures(source)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        mend = "give a PNG of this workflow or of riffusion, or a shard, as it was written"
        raise SystemExit(f"{source}: {said}. To mend: {mend}.") from None


def write(folder: Path, picture: Picture, iterations: int | None, device: str) -> None:
    """One WAV file, 16 bits."""
    codec = picture.codec
    if iterations is not None:
        inversion = codec.inversion.model_copy(update={"iterations": iterations})
        codec = codec.model_copy(update={"inversion": inversion})
    audio = decoder(codec)(picture.image[None], codec, device)[0]
    with writing(folder / f"{picture.name}.wav") as aside:
        soundfile.write(aside, audio.T, codec.sample_rate, "PCM_16", format="WAV")


if __name__ == "__main__":
    main()
