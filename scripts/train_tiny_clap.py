"""Train the embedded text–audio model and measure how well it names lead instruments."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from melablate.audio.codec import filterbank
from melablate.audio.reading import read_clip
from melablate.audio.settings import Spectrogram
from melablate.models import tiny_clap
from melablate.models.settings import TinyClap
from melablate.models.tokenizer import write_clip_tokenizer
from tokenizers import Tokenizer


def main() -> None:
    """Read the command line, decode the training clips, train, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=TinyClap.model_validate_json)
    parser.add_argument("--clip", required=True, type=Spectrogram.model_validate_json)
    parser.add_argument("--manifests", required=True, type=Path, nargs="+")
    parser.add_argument("--audio", required=True, type=Path, nargs="+")
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.settings.threads)
    audio, captions = [], []
    for manifest, folder in zip(arguments.manifests, arguments.audio, strict=True):
        for row in pq.read_table(manifest).to_pylist():
            if row["split"] == "train":
                audio.append(read_clip(folder / row["path"], arguments.clip).audio)
                captions.append(row["captions"])
    with tempfile.TemporaryDirectory() as name:
        write_clip_tokenizer(Path(name))
        file = Path(name) / "tokenizer.json"
        tokenizer = Tokenizer.from_file(str(file))
        model = tiny_clap.train(
            torch.from_numpy(np.stack(audio)),
            captions,
            torch.from_numpy(filterbank(tiny_clap.FRONT_END)).float(),
            tokenizer,
            arguments.settings,
        )
        tiny_clap.save(model, file, arguments.settings, arguments.out)


if __name__ == "__main__":
    main()
