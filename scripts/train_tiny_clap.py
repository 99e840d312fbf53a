"""Train the embedded text–audio model and measure how well it names lead instruments."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from melablate.audio.heard import heard_clips
from melablate.audio.heard_settings import Heard
from melablate.audio.mel import filterbank
from melablate.contents import write_contents
from melablate.corpus.minimidi_instruments import LEADS
from melablate.files import write_json
from melablate.imports import quick_imports
from melablate.models.naming import named_in, naming_accuracy
from melablate.models.settings import TinyClap
from melablate.models.tokenizer import write_clip_tokenizer

with quick_imports():
    import torch
    from melablate.models import tiny_clap
    from tokenizers import Tokenizer

Clips = list[tuple[np.ndarray, list[str]]]


def main() -> None:
    """Read the command line, decode the clips, train, measure, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=TinyClap.model_validate_json)
    parser.add_argument("--clip", required=True, type=Heard.model_validate_json)
    parser.add_argument("--manifests", required=True, type=Path, nargs="+")
    parser.add_argument("--audio", required=True, type=Path, nargs="+")
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.settings.threads)
    sources = list(zip(arguments.manifests, arguments.audio, strict=True))
    train = read_clips(sources, "train", arguments.clip)
    if not train:
        raise SystemExit(f"{arguments.manifests[0]}: no training clip can be heard (reasons above)")
    with tempfile.TemporaryDirectory() as name:
        write_clip_tokenizer(Path(name))
        file = Path(name) / "tokenizer.json"
        tokenizer = Tokenizer.from_file(str(file))
        model = tiny_clap.train(
            torch.from_numpy(np.stack([audio for audio, _ in train])),
            [captions for _, captions in train],
            torch.from_numpy(filterbank(tiny_clap.FRONT_END)).float(),
            tokenizer,
            arguments.settings,
        )
        tiny_clap.save(model, file, arguments.settings, arguments.out)
    write_contents(arguments.out / "embedder.sha256")  # what is measured of it is no part of it
    heldout = read_clips(sources, "heldout", arguments.clip)
    quality = measure(tiny_clap.Embedder(model, tokenizer), heldout)
    write_json(arguments.out / "quality.json", quality)


def read_clips(sources: Sequence[tuple[Path, Path]], split: str, heard: Heard) -> Clips:
    """Audio and captions of one split of all corpora."""
    return [
        (clip.audio, list(clip.captions))
        for manifest, folder in sources
        for clip in heard_clips(manifest, folder, split, heard, "text–audio model")
    ]


def measure(embedder: tiny_clap.Embedder, clips: Clips) -> dict[str, object]:
    """Accuracy of naming the lead instrument among all of them, on held-out clips."""
    names = sorted({name for leads in LEADS.values() for name in leads})
    truth = [named_in(captions, names) for _, captions in clips]
    known = [i for i, name in enumerate(truth) if name]
    if not known:
        return {"heldout_clips": 0, "lead_accuracy": None}
    audio = embedder.embed_audio([clips[i][0] for i in known], tiny_clap.SAMPLE_RATE)
    text = embedder.embed_text(names)
    accuracy = naming_accuracy(audio, text, names, [truth[i] or "" for i in known])
    print(
        f"text–audio model: names the lead among {len(names)} instruments in "
        f"{accuracy:.1%} of {len(known)} held-out clips"
    )
    return {
        "heldout_clips": len(known),
        "instruments": names,
        "lead_accuracy": round(accuracy, 4),
    }


if __name__ == "__main__":
    main()
