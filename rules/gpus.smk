# gpus: where a machine shows several, no two jobs get the same one

from melablate.gpus.visible import several

# What stands before each command. Not in the rules, as a rule's command counts as its code.
BEFORE = ["set -euo pipefail;"]

if several():
    BEFORE.append(
        'python() {{ command python "$MELABLATE_SCRIPTS/take_gpus.py" "$@"; }};'
    )
    shell.prefix(" ".join(BEFORE) + " ")
