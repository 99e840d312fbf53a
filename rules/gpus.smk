# gpus: of a machine's GPUs no two jobs get the same one; Slurm's jobs try theirs first
from melablate.gpus.visible import any_shown

# Before each command. Not in the rules, as a rule's command counts as its code: how a job is looked
# after changes no result, so nothing need run again. What an outer workflow puts there stays, and
# its own scripts are left alone.
if any_shown() or os.environ.get("SLURM_JOB_ID"):
    BEFORE_COMMANDS = shell._process_prefix or "set -euo pipefail;"
    if "take_gpus.py" not in BEFORE_COMMANDS:
        shell.prefix(
            BEFORE_COMMANDS.replace("{", "{{").replace("}", "}}")
            + ' python() {{ case "${{1-}}" in "$MELABLATE_SCRIPTS"/*)'
            ' command python "$MELABLATE_SCRIPTS/take_gpus.py" "$@";;'
            ' *) command python "$@";; esac; }}; '
        )
