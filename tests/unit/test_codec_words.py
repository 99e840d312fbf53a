"""What the page says of the axes is true of the codec that made the image."""

import pytest
from codec_kinds import codec_of
from melablate.report.page_words import picture_words

WORDS = {
    "mel_db": "0 Hz at the bottom to 8 kHz on the mel scale; 15 s from left to right.",
    "riffusion": "0 Hz at the bottom to 10 kHz on the mel scale; 5.11 s from left to right.",
    "audio_diffusion": "0 Hz at the bottom to 11.03 kHz on the mel scale; 5.94 s",
    "ma_ddpm": "0 Hz at the bottom to 14.87 kHz on the linear scale; 3.73 s from left to right.",
    "dual_diffusion": "20 Hz at the bottom to 16 kHz on the mel scale; 8.18 s from left to right; "
    "both channels in one.",
    "bigvgan": "0 Hz at the bottom to 22.05 kHz on the mel scale; 5.94 s from left to right.",
}


@pytest.mark.parametrize("kind", WORDS)
def test_words_on_the_axes(kind: str) -> None:
    codec = codec_of(kind=kind)
    assert picture_words([codec]).startswith(f"Spectrograms: {WORDS[kind]}")


def test_words_where_rows_have_different_codecs() -> None:
    two = [codec_of(kind="mel_db"), codec_of(kind="ma_ddpm")]
    said = picture_words([*two, codec_of(kind="mel_db", inversion={"iterations": 5})])
    assert said == (
        f"Spectrograms, by the codec of the row: {WORDS['mel_db']} Or {WORDS['ma_ddpm']}"
    )
    assert "Low frequencies" in picture_words([])
