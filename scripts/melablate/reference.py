"""The reference of all options, written from the config model: a schema and a page."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from .config import Arm, Recipe, Study
from .options import Option, allowed, options, plain

SCHEMA = "https://json-schema.org/draft/2020-12/schema"
INTRO = """\
# Every option

Written by `make docs` from the config model; a test fails when it is not current.

A study is a YAML file, given with `--configfile`; of several files the later ones override the
earlier. Keys are nested (`train: {rank: 16}`). `*` stands for a name of your choice. A wrong key,
type or name stops the run before any job, with the nearest known key. A mapping that is `null` by
default is switched on by `{}`. Editors that know [`config/schema.json`](../config/schema.json)
complete and check studies as they are typed.
"""
ARM = """\
## An arm's file

`config/arms/<name>.yaml` is a row of the table. What it changes is merged into the baseline's
settings: a list replaces a list, a mapping of another `kind` replaces the old one whole, and
`null` switches off what may be null.

```yaml
label: Huber loss
claim: {verdict: improved, words: "Train with Huber loss: improved inference detail"}
changes:
  train.loss: {kind: huber, c: 0.1, schedule: snr}
```
"""
SWEEP = """\
## Sweeps

`sweep: {train.rank: [4, 16], train.lr: [1.0e-4, 1.0e-3]}` makes an arm of every combination,
named by its values (`rank-4_lr-0.0001`). The combination that is the baseline is not made twice.
`config/sweeps/` holds some, to be given after a study's file.
"""


def schema() -> str:
    """The study as JSON schema."""
    content = {"$schema": SCHEMA, **Study.model_json_schema()}
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def page() -> str:
    """All options of a study and of an arm's file, as Markdown."""
    sections = [INTRO, *_study_sections(), ARM, _table(list(options(Arm))), _changed(), SWEEP]
    return "\n".join(sections)


def _study_sections() -> Iterator[str]:
    """What names the study and its parts first, then a section for each mapping."""
    found = list(options(Study))
    top = [option for option in found if "." not in option.key]
    order = [name for name in Study.model_fields if name not in Recipe.model_fields]
    order += list(Recipe.model_fields)
    rank = {name: number for number, name in enumerate(order)}
    yield "## The study\n"
    yield _table(sorted(top, key=lambda option: rank[option.key]))
    for option in sorted(top, key=lambda option: rank[option.key]):
        for model in option.models:
            below = [o for o in found if o.key.startswith(f"{option.key}.")]
            yield from _section(option, model, below)


def _section(option: Option, model: type[BaseModel], below: list[Option]) -> Iterator[str]:
    """One table; where a kind chooses among several, one for each."""
    kinds = [allowed(model.model_fields["kind"].annotation)] if len(option.models) > 1 else []
    rows = [o for o in below if not kinds or o.alternative == kinds[0]]
    heading = f"`{option.key}`" + "".join(f", kind: {kind}" for kind in kinds)
    yield f"## {heading}\n\n{_words(model.__doc__)}\n"
    yield _table(rows)


def _table(rows: list[Option]) -> str:
    lines = ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
    for row in rows:
        cells = (f"`{row.key}`", allowed(row.annotation), _default(row), _meaning(row))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _meaning(option: Option) -> str:
    return option.meaning or ("Chooses this kind." if option.key.endswith("kind") else "")


def _default(option: Option) -> str:
    """As it is written in YAML; a section's own keys say theirs."""
    if option.field.is_required():
        return "**required**"
    value: Any = plain(option.field.get_default(call_default_factory=True))
    if option.models and isinstance(value, dict):
        return "see below"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _changed() -> str:
    return f"`changes` may hold keys of {', '.join(f'`{name}`' for name in Recipe.model_fields)}.\n"


def _words(text: str | None) -> str:
    return " ".join((text or "").split())
