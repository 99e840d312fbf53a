"""The prompts of a study: held-out captions, then the user's own, each with a stable id."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files import write_text
from .settings import Prompts


@dataclass(frozen=True)
class Prompt:
    """A text, and the held-out clip that it describes, if any."""

    prompt_id: str
    text: str
    clip_id: str = ""


def prompt_id(text: str, clip_id: str = "") -> str:
    """Sixteen hex digits that depend on nothing but the prompt itself."""
    return hashlib.sha256(f"{text}\0{clip_id}".encode()).hexdigest()[:16]


def choose_prompts(
    clip_ids: Sequence[str],
    captions: Sequence[Sequence[str]],
    splits: Sequence[str],
    settings: Prompts,
) -> list[Prompt]:
    """The first caption of `heldout` held-out clips, spread by hash, then the extra prompts.

    Choosing by a hash of the clip's id rather than by position keeps the choice when tracks
    are added elsewhere in the list.
    """
    heldout = [i for i, split in enumerate(splits) if split == "heldout"]
    if len(heldout) < settings.heldout:
        raise SystemExit(
            f"prompts.heldout is {settings.heldout}, but only {len(heldout)} clips are held out: "
            "lower it, or raise the corpus' rules.heldout_share"
        )
    heldout.sort(key=lambda i: hashlib.sha256(clip_ids[i].encode()).hexdigest())
    prompts = []
    for i in heldout[: settings.heldout]:
        prompts.append(Prompt(prompt_id(captions[i][0], clip_ids[i]), captions[i][0], clip_ids[i]))
    prompts += [Prompt(prompt_id(text), text) for text in settings.extra]
    ids = [prompt.prompt_id for prompt in prompts]
    doubles = {prompt.text for prompt in prompts if ids.count(prompt.prompt_id) > 1}
    if doubles:
        raise SystemExit(f"prompts.extra: given more than once: {', '.join(sorted(doubles))}")
    return prompts


def write_prompts(path: Path, prompts: Sequence[Prompt]) -> None:
    """CSV with prompt_id, prompt, clip_id."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["prompt_id", "prompt", "clip_id"])
    writer.writerows([p.prompt_id, p.text, p.clip_id] for p in prompts)
    write_text(path, out.getvalue())


def read_prompts(path: Path) -> list[Prompt]:
    """What `write_prompts` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Prompt(row["prompt_id"], row["prompt"], row["clip_id"]) for row in rows]
