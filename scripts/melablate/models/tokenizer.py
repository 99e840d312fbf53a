"""The real CLIP vocabulary, read from the open_clip package's data without importing it."""

import gzip
import importlib.util
from pathlib import Path

VOCABULARY_SIZE = 49408
MERGES = 48894
_FILE = "bpe_simple_vocab_16e6.txt.gz"


def clip_merges() -> list[tuple[str, str]]:
    """The byte-pair merges of CLIP, most frequent first."""
    spec = importlib.util.find_spec("open_clip")
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = next((Path(f) / _FILE for f in folders if (Path(f) / _FILE).exists()), None)
    if path is None:
        raise SystemExit(
            f"the CLIP vocabulary {_FILE} is missing: it comes with the package open_clip_torch; "
            "install the environment's lock again (make clean-env && make env)"
        )
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    return [(a, b) for a, b in (line.split() for line in lines[1 : MERGES + 1])]


def clip_vocabulary(merges: list[tuple[str, str]]) -> dict[str, int]:
    """Token → id: byte letters, the same ending a word, the merges joined, the two specials."""
    letters = list(_byte_letters().values())
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: index for index, token in enumerate(tokens)}


def write_clip_tokenizer(folder: Path, length: int = 77) -> None:
    """Write a CLIP tokenizer, for captions of `length` tokens, that diffusers loads."""
    from transformers import CLIPTokenizer

    merges = clip_merges()
    tokenizer = CLIPTokenizer(vocab=clip_vocabulary(merges), merges=merges, model_max_length=length)
    if len(tokenizer) != VOCABULARY_SIZE:
        raise ValueError(f"the CLIP tokenizer has {len(tokenizer)} tokens, not {VOCABULARY_SIZE}")
    tokenizer.save_pretrained(folder)


def _byte_letters() -> dict[int, str]:
    """GPT-2's reversible byte ↔ printable letter table (Radford et al. 2019)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    return letters | {byte: chr(256 + i) for i, byte in enumerate(others)}
