"""Planes and spans of codecs as the pixels of autoencoders with 1, 3 or 4 channels, and back."""

import pytest
import torch
from codec_kinds import KINDS, codec_of
from melablate.models.pixels import BYTES, from_model, to_model

SPANS = {kind: codec_of(kind=kind).span for kind in KINDS}


def planes_of(span: tuple[float, float], planes: int) -> torch.Tensor:
    """Two images that hold the ends of the span and what is between."""
    low, high = span
    values = torch.linspace(low, high, 2 * planes * 16 * 16).reshape(2, planes, 16, 16)
    return values.round().to(torch.uint8) if span == BYTES else values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_there_and_back(kind: str, planes: int, channels: int) -> None:
    span = SPANS[kind]
    images = planes_of(span, planes)
    if planes > channels:
        with pytest.raises(ValueError, match="2 planes"):
            to_model(images, channels, span)
        return
    pixels = to_model(images, channels, span)
    assert pixels.shape == (2, channels, 16, 16) and pixels.dtype == torch.float32
    assert (pixels.min().item(), pixels.max().item()) == pytest.approx((-1, 1), abs=1e-5)
    again = from_model(pixels, planes, span)
    assert again.dtype == images.dtype and again.shape == images.shape
    if span == BYTES:
        assert torch.equal(again, images)
    else:
        assert torch.allclose(again, images, atol=1e-5)


def test_mono_is_all_channels_and_stereo_the_last_two() -> None:
    mono = to_model(planes_of(BYTES, 1), 3, BYTES)
    assert torch.equal(mono[:, 0], mono[:, 1]) and torch.equal(mono[:, 0], mono[:, 2])
    images = planes_of(BYTES, 2)
    stereo = to_model(images, 3, BYTES)
    assert (stereo[:, 0] == -1).all()
    assert torch.equal(stereo[:, 1:], images / 127.5 - 1)
    decoded = torch.stack([torch.full((4, 4), value) for value in (9.0, -1.0, 1.0)])[None]
    assert from_model(decoded, 2, BYTES)[0, :, 0, 0].tolist() == [0, 255]
    assert from_model(decoded.clamp(-1, 0), 1, BYTES).unique().tolist() == [85]


def test_bytes_are_clamped_and_tensors_are_not() -> None:
    beyond = torch.tensor([-3.0, 3.0]).reshape(1, 1, 1, 2)
    assert from_model(beyond, 1, BYTES).flatten().tolist() == [0, 255]
    assert from_model(beyond, 1, (0.0, 5.0)).flatten().tolist() == [-5.0, 10.0]
