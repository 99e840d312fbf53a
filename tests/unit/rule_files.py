"""The rules as they are written."""

import re
from functools import cache

from followed_imports import SCRIPTS

RULES = SCRIPTS.parent / "rules"
RULE = re.compile(r"^ *rule (\w+):\n((?: +.*\n|\n)+)", re.MULTILINE)


@cache
def bodies() -> dict[str, str]:
    """Rule → its text, of rules that run something."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    found = {name: body for text in texts for name, body in RULE.findall(text)}
    return {name: body for name, body in found.items() if "shell:" in body}


def scripts_of(rule: str) -> list[str]:
    """The scripts that it may run."""
    body = bodies()[rule]
    if scripts := re.findall(r'"\$MELABLATE_SCRIPTS"/(\w+\.py)', body):
        return scripts
    assert "script=sample_script" in body  # chosen by a function
    rows = (RULES / "rows.smk").read_text(encoding="utf-8")
    (chosen,) = re.findall(r"def sample_script\(.*?\n\n\n", rows, re.DOTALL)
    return re.findall(r'"(\w+\.py)"', chosen)
