"""Images, shards, manifests and latents that are broken, foreign or lie of themselves."""

import functools
import io
import json
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bad_tables import link_to_itself, link_to_zeros, pipe
from codec_kinds import SMALL_SETTINGS
from melablate.audio.codec_text import CODEC_KEY, codec_json, parse_codec
from melablate.audio.png import MODES, image_to_png
from melablate.audio.shard_reading import read_images
from melablate.audio.shards import ClipRow, write_shards
from PIL import Image
from PIL.PngImagePlugin import PngInfo

CODEC = parse_codec(json.dumps(SMALL_SETTINGS["mel_db"]))
OWN = {11000: 16000, 11005: 0, 11010: 10, 11020: 100, 11030: 200, 11040: 64, 11050: 0, 11060: 8000}
"""EXIF tags of a mono image of riffusion, 64 bands high; without 11070, the power."""
Lay = Callable[[Path], object]


@functools.cache
def png() -> bytes:
    """A good one."""
    values = np.random.default_rng(0).integers(0, 256, (1, *CODEC.size), dtype=np.uint8)
    return image_to_png(values, CODEC)


def picture(
    mode: str = "L", size: tuple[int, int] | None = None, kind: str = "PNG", **how: Any
) -> bytes:
    """An image of the right size and mode or others."""
    out = io.BytesIO()
    Image.new(mode, size or CODEC.size[::-1]).save(out, format=kind, **how)
    return out.getvalue()


def saying(mode: str = "L", size: tuple[int, int] | None = None, **other: Any) -> bytes:
    """An image whose text says that it is of our codec, with other parameters."""
    return texted(json.dumps(json.loads(codec_json(CODEC)) | other), mode, size)


def texted(text: str, mode: str = "L", size: tuple[int, int] | None = None) -> bytes:
    said = PngInfo()
    said.add_text(CODEC_KEY, text)
    return picture(mode, size, pnginfo=said)


def lying(kind: str, mode: str = "", more: int = 0, **other: Any) -> Callable[[], bytes]:
    """The same of any codec, in another mode or with more rows and columns than it says."""
    codec = parse_codec(json.dumps(SMALL_SETTINGS[kind]))
    size = (codec.size[1] + more, codec.size[0] + more)
    text = json.dumps(json.loads(codec_json(codec)) | other)
    return lambda: texted(text, mode or MODES[codec.channels], size)


def riffusions(**other: Any) -> bytes:
    return exif_of(96, **other)


def exif_of(width: int, **other: Any) -> bytes:
    """Riffusion's, with other tags."""
    exif = Image.Exif()
    exif.update(OWN | {11070: 0.25} | {int(tag[1:]): value for tag, value in other.items()})
    return picture("RGB", (width, 64), exif=exif)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(name: bytes, body: bytes) -> bytes:
    """The good image, and one more chunk behind its header."""
    return png()[:33] + chunk(name, body) + png()[33:]


def sized(width: int, height: int) -> bytes:
    """The good image, said to be of another size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return png()[:8] + chunk(b"IHDR", head) + png()[33:]


def bomb(key: bytes = b"zTXt") -> bytes:
    body = CODEC_KEY.encode() + b"\0\0" + zlib.compress(bytes(2 * 10**8), 9)
    return with_chunk(key, body)


def written(data: Callable[[], bytes]) -> Lay:
    return lambda path: path.write_bytes(data())


PNGS: dict[str, tuple[Lay, str]] = {
    "no bytes": (written(lambda: b""), "no PNG"),
    "text": (written(lambda: b"no image\n" * 9), "no PNG"),
    "JPEG": (written(lambda: picture(kind="JPEG")), "no PNG"),
    "GIF": (written(lambda: picture(kind="GIF")), "no PNG"),
    "four bytes": (written(lambda: png()[:4]), "no PNG"),
    "signature alone": (written(lambda: png()[:8]), "PNG"),
    "header alone": (written(lambda: png()[:33]), "PNG"),
    "cut": (written(lambda: png()[: len(png()) // 2]), "cannot be read"),
    "a wrong checksum": (written(lambda: png()[:30] + b"\0" + png()[31:]), "PNG"),
    "damaged pixels": (written(lambda: png()[:-400] + bytes(200) + png()[-200:]), "cannot be read"),
    "of no size": (written(lambda: sized(0, 0)), "PNG"),
    "of another size, it says": (written(lambda: sized(3, 3)), "PNG"),
    "of 4 gigapixels, it says": (written(lambda: sized(2**16, 2**16)), "larger than any"),
    "of 150 megapixels, it says": (written(lambda: sized(15_000, 10_000)), "larger than any"),
    "200 MB of text in 200 kB": (written(bomb), "cannot be read"),
    "one row too many": (written(lambda: saying(size=(CODEC.size[1], 65))), "codec says"),
    "one column too few": (written(lambda: saying(size=(31, CODEC.size[0]))), "codec says"),
    "colours": (written(lambda: saying("RGB")), "mode RGB"),
    "transparent": (written(lambda: saying("LA")), "mode LA"),
    "a palette": (written(lambda: saying("P")), "mode P"),
    "16 bits": (written(lambda: saying("I;16")), "mode I"),
    "black and white": (written(lambda: saying("1")), "mode 1"),
    "no text": (written(picture), "neither the text chunk"),
    "text that is no JSON": (written(lambda: texted("{")), "no JSON object"),
    "text that is a list": (written(lambda: texted("[]")), "no JSON object"),
    "brackets without end": (written(lambda: texted("[" * 50_000)), "no JSON object"),
    "no kind": (written(lambda: texted("{}")), "no JSON object with a kind"),
    "a kind that is a path": (written(lambda: saying(kind="../codec")), "there is no codec"),
    "a kind that is a list": (written(lambda: saying(kind=["mel_db"])), "there is no codec"),
    "a parameter unknown": (written(lambda: saying(colour=1)), "wrong parameters.*colour"),
    "a negative rate": (written(lambda: saying(sample_rate=-1)), "wrong parameters.*sample_rate"),
    "a rate of 10^12": (written(lambda: saying(sample_rate=10**12)), "wrong parameters"),
    "seconds without end": (written(lambda: saying(seconds=float("inf"))), "wrong parameters"),
    "a day": (written(lambda: saying(seconds=86_400.0)), "wrong parameters"),
    "windows of 2^40 samples": (written(lambda: saying(n_fft=2**40)), "wrong parameters.*n_fft"),
    "10^12 iterations": (
        written(lambda: saying(inversion={"iterations": 10**12})),
        "wrong parameters.*iterations",
    ),
    "loudness of 10^9": (written(lambda: saying(loudness=1e9)), "wrong parameters.*loudness"),
    "range of 10^308 dB": (written(lambda: saying(range_db=1e308)), "wrong parameters.*range_db"),
    "EXIF of a camera": (written(lambda: picture(exif=camera())), "EXIF is not riffusion's"),
    "EXIF without power": (written(lambda: _without_power()), "no tag 11070"),
    "EXIF of more bands": (written(lambda: riffusions(t11040=512)), "says 512 bands"),
    "EXIF of a rate of 0": (written(lambda: riffusions(t11000=0)), "EXIF: sample_rate"),
    "EXIF of a rate of 4 GHz": (written(lambda: riffusions(t11000=2**32 - 1)), "EXIF: sample_rate"),
    "EXIF with a rate in words": (written(lambda: riffusions(t11000="fast")), "EXIF: sample_rate"),
    "EXIF of hops of no length": (written(lambda: riffusions(t11010=0)), "EXIF: step_ms"),
    "EXIF of windows of an hour": (
        written(lambda: riffusions(t11030=3_600_000)),
        "EXIF: padded_ms",
    ),
    "EXIF of bytes": (
        written(lambda: picture(exif=b"Exif\0\0MM\0*" + bytes([0, 0, 0, 8]) + b"\xff" * 50)),
        "PNG",
    ),
    "absent": (lambda path: None, "no such file"),
    "folder": (lambda path: path.mkdir(), "not a whole set of shards"),
    "pipe": (pipe, "no plain file"),
    "cyclic link": (link_to_itself, "no such file|symbolic links"),
    "link to zeros without end": (link_to_zeros, "no plain file"),
}


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "a column and a row too many": ({"more": 1}, "codec says"),
    "transparent": ({"mode": "LA"}, "mode LA"),
    "a rate of 500 kHz and a week": ({"sample_rate": 500_000, "seconds": 5e5}, "wrong parameters"),
    "a day": ({"seconds": 86_400.0}, "wrong parameters"),
    "a day in 24 columns": ({"seconds": 86_400.0, "hop": 2**18, "n_fft": 2**19}, "wrong param"),
    "an hour": ({"seconds": 3600.0}, "wrong parameters"),
    "windows of 2^40 samples": ({"n_fft": 2**40, "padded_ms": 2**40}, "wrong parameters"),
    "a hop of no length": ({"hop": 0, "step_ms": 0}, "wrong parameters"),
    "10^12 bands": ({"n_mels": 10**12, "height": 10**12}, "wrong parameters"),
    "loudness of 10^9": ({"loudness": 1e9}, "wrong parameters.*loudness"),
}
PNGS |= {
    f"{kind}: {name}": (written(lying(kind, **how)), told)
    for kind in SMALL_SETTINGS
    for name, (how, told) in LIES.items()
}
PNGS |= {
    "mel_db: bands of 10^9 values": (
        written(lying("mel_db", n_fft=2**19, n_mels=2**12)),
        "wrong parameters.*the matrix of its bands",
    ),
    "ma_ddpm: a spectrum of 10^9 values": (
        written(lying("ma_ddpm", hop=1, n_fft=2**18, seconds=1.0)),
        "wrong parameters.*its spectrum has",
    ),
    "ma_ddpm: ten seconds beyond the image": (
        written(lying("ma_ddpm", seconds=11.0)),
        "wrong parameters.*lie beyond width",
    ),
    "EXIF of windows of a second": (
        written(lambda: exif_of(8192, t11000=192_000, t11020=1000, t11030=1000)),
        "EXIF: .*its spectrum has",
    ),
}


def camera() -> Image.Exif:
    exif = Image.Exif()
    exif.update({271: "A camera", 306: "2020:01:01 00:00:00"})
    return exif


def _without_power() -> bytes:
    exif = Image.Exif()
    exif.update(OWN)
    return picture("RGB", (96, 64), exif=exif)


@functools.cache
def table() -> pa.Table:
    """Three good rows, as a stage writes them."""
    import tempfile

    rows = [ClipRow(f"{i}-0", str(i), "train", ("a song",), png(), "0" * 64, 0.0) for i in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        write_shards(Path(folder), rows, CODEC, 256)
        return pq.read_table(next(Path(folder).iterdir()), memory_map=False)


def parquet(changed: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(changed, out)
    return out.getvalue()


def changed(name: str, values: list[Any] | None, kind: pa.DataType | None = None) -> bytes:
    """The good rows with another column, or without it."""
    place = table().schema.get_field_index(name)
    if values is None:
        return parquet(table().remove_column(place))
    kind = kind or table().schema.field(name).type
    return parquet(table().set_column(place, pa.field(name, kind), pa.array(values, kind)))


def images(data: bytes | None) -> bytes:
    return changed("image", [{"bytes": data, "path": "a.png"}] * 3)


def metadata(**said: str) -> bytes:
    return parquet(table().replace_schema_metadata(said))


SHARDS: dict[str, tuple[Lay, str]] = {
    "no bytes": (written(lambda: b""), "not a whole Parquet file"),
    "text": (written(lambda: b"clip_id,image\n" * 9), "not a whole Parquet file"),
    "cut": (written(lambda: parquet(table())[:-100]), "not a whole Parquet file"),
    "without its beginning": (written(lambda: parquet(table())[100:]), "Parquet file"),
    "damaged": (
        written(lambda: parquet(table())[:4] + bytes(400) + parquet(table())[404:]),
        "Parquet file|cannot be read",
    ),
    "of somebody else": (written(lambda: parquet(pa.table({"a": [1]}))), "has no codec"),
    "a codec that is no JSON": (written(lambda: metadata(**{CODEC_KEY: "{"})), "no JSON object"),
    "a codec unknown": (written(lambda: metadata(**{CODEC_KEY: '{"kind": "x"}'})), "no codec 'x'"),
    "no ids": (written(lambda: changed("clip_id", None)), "clip_id"),
    "no images": (written(lambda: changed("image", None)), "image"),
    "no captions": (written(lambda: changed("captions", None)), "captions"),
    "no splits": (written(lambda: changed("split", None)), "split"),
    "ids that are numbers": (written(lambda: changed("clip_id", [1, 2, 3], pa.int64())), "Parquet"),
    "ids that are null": (written(lambda: changed("clip_id", [None] * 3)), "Parquet"),
    "ids that lead out": (written(lambda: changed("clip_id", ["../../a"] * 3)), "name a file"),
    "absolute ids": (written(lambda: changed("clip_id", ["/outside/a"] * 3)), "name a file"),
    "captions that are null": (written(lambda: changed("captions", [None] * 3)), "Parquet"),
    "captions that are a text": (
        written(lambda: changed("captions", [5] * 3, pa.int64())),
        "Parquet",
    ),
    "images that are null": (written(lambda: images(None)), "Parquet|no PNG"),
    "images that are paths": (
        written(lambda: changed("image", ["a.png"] * 3, pa.string())),
        "Parquet",
    ),
    "images that are no PNG": (written(lambda: images(b"no image")), "no PNG"),
    "images that are cut": (written(lambda: images(png()[:-300])), "cannot be read"),
    "images of 4 gigapixels": (written(lambda: images(sized(2**16, 2**16))), "larger than any"),
    "images of another size": (written(lambda: images(picture(size=(9, 9)))), "codec says"),
    "images in colour": (written(lambda: images(picture("RGB"))), "codec says"),
    "absent": (lambda path: None, "no such file|does not exist|whole set"),
    "pipe": (pipe, "no plain file|whole set"),
}


def latents(shape: tuple[int, ...] = (2, 1, 4, 4, 4), **said: str) -> bytes:
    """A file of latents with other metadata, or a mean of another shape."""
    import torch
    from safetensors.torch import save

    words = {"clip_ids": '["a", "b"]', "captions": '[["x"], ["y"]]', "splits": '["train", "train"]'}
    std = torch.zeros(2, 1, 4, 4, 4)
    return save({"mean": torch.zeros(*shape), "std": std}, words | said)


def read_latents() -> None:
    """As the trainer reads them."""
    from melablate.training.images import cached_images

    cached_images(Path(sys.argv[1]))


def read_shards() -> None:
    """As the trainers read them."""
    read_images(Path(sys.argv[1]))


def pickled() -> bytes:
    import torch

    out = io.BytesIO()
    torch.save({"mean": torch.zeros(1)}, out)
    return out.getvalue()


LATENTS: dict[str, tuple[Lay, str]] = {
    "no bytes": (written(lambda: b""), "not a whole safetensors"),
    "text": (written(lambda: b"no tensors\n" * 9), "not a whole safetensors"),
    "cut": (written(lambda: latents()[:-9]), "not a whole safetensors"),
    "header of 2^60 bytes": (
        written(lambda: struct.pack("<Q", 2**60) + latents()[8:]),
        "not a whole safetensors",
    ),
    "header that is no JSON": (
        written(lambda: latents()[:8] + b"!" + latents()[9:]),
        "not a whole safetensors",
    ),
    "pickle": (written(pickled), "not a whole safetensors"),
    "other words": (written(lambda: latents(clip_ids="[")), "not a latents file"),
    "another number of clips": (written(lambda: latents(clip_ids='["a"]')), "make it again"),
    "ids that are a number": (written(lambda: latents(clip_ids="5")), "not a latents file|again"),
    "captions of fewer clips": (written(lambda: latents(captions='[["x"]]')), "again"),
    "splits that are null": (written(lambda: latents(splits="null")), "not a latents file|again"),
    "mean of another shape": (written(lambda: latents((2, 4, 4, 4))), "make it again"),
    "absent": (lambda path: None, "no such file"),
    "folder": (lambda path: path.mkdir(), "no such file"),
    "pipe": (pipe, "no such file"),
}
