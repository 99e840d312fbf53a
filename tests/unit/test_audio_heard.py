"""Real clips as sound are the parts that images are made of; what cannot be heard is told."""

from pathlib import Path

import make_spectrograms
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from audio_signals import SMALL
from melablate.audio.clip_settings import Clips
from melablate.audio.codecs.mel_db.encode import encode
from melablate.audio.heard import clip_audio, heard_clips
from melablate.audio.heard_settings import Heard
from melablate.audio.reading import Part
from melablate.audio.tracks import make_clips

CLIPS = Clips(choose="random", count=2, offset=1)
HEARD = Heard(sample_rate=SMALL.sample_rate, seconds=SMALL.seconds, clips=CLIPS)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rows = []
    for i in range(4):
        path = tmp_path / f"{i}.wav"
        sound = np.random.default_rng(i).normal(0, 0.1, 12 * SMALL.sample_rate) * (i != 2)
        soundfile.write(path, sound, SMALL.sample_rate, subtype="FLOAT")
        if i == 1:
            path.write_text("no music")
        rows.append(
            {
                "track_id": str(i),
                "path": path.name,
                "split": "train",
                "captions": ["a"],
                "audio_sha256": "",
                "excluded": "",
            }
        )
    pq.write_table(pa.Table.from_pylist(rows[::-1]), tmp_path / "manifest.parquet")
    return tmp_path


def test_what_is_heard_is_what_is_seen(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard = list(heard_clips(corpus / "manifest.parquet", corpus, "train", HEARD, "reference"))
    tracks = make_spectrograms.read_tracks(corpus / "manifest.parquet")
    made = [clip for clip in make_clips(tracks, corpus, SMALL, CLIPS, 1) if not clip.reason]
    assert [clip.clip_id for clip in heard] == [clip.clip_id for clip in made]
    assert [clip.clip_id for clip in heard] == ["0-0", "0-1", "3-0", "3-1"]
    part = Part(SMALL.sample_rate, SMALL.seconds)
    for one, other in zip(heard, made, strict=True):
        image = encode(one.audio[None], SMALL).image[0]
        assert _same(image, other.png)
        again = clip_audio(corpus / other.track.path, other.clip_id, part, CLIPS)
        np.testing.assert_array_equal(again[0], one.audio)
    said = capsys.readouterr().out
    assert "reference: track 1 left out: undecodable" in said
    assert "reference: clip 2-0 left out: silent" in said


def test_a_file_that_has_changed_is_told(corpus: Path) -> None:
    part = Part(SMALL.sample_rate, SMALL.seconds)
    with pytest.raises(SystemExit, match=r"1.wav: undecodable.*Run the workflow again"):
        clip_audio(corpus / "1.wav", "1-0", part, CLIPS)
    with pytest.raises(SystemExit, match=r"0.wav: has no clip 7"):
        clip_audio(corpus / "0.wav", "0-7", part, CLIPS)


def _same(image: np.ndarray, png: bytes) -> bool:
    from melablate.audio.png import png_to_image

    return bool((png_to_image(png)[0][0] == image).all())


def test_a_clip_too_short_for_a_loudness_is_heard_as_it_is_seen(corpus: Path) -> None:
    codec = SMALL.model_copy(update={"seconds": 0.3})
    heard = HEARD.model_copy(update={"seconds": 0.3})
    clips = heard_clips(corpus / "manifest.parquet", corpus, "train", heard, "reference")
    tracks = make_spectrograms.read_tracks(corpus / "manifest.parquet")
    made = [clip for clip in make_clips(tracks, corpus, codec, CLIPS, 1) if not clip.reason]
    assert [clip.clip_id for clip in clips] == [clip.clip_id for clip in made]
    assert [clip.track.track_id for clip in made] == ["0", "0", "3", "3"]
