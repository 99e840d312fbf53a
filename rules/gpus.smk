# gpus: where a machine shows several, no two jobs get the same one; Slurm's jobs try theirs first

from melablate.gpus.visible import several

# Before each command. Not in the rules, as a rule's command counts as its code: how a job is looked
# after changes no result, so nothing need run again.
if several() or os.environ.get("SLURM_JOB_ID"):
    shell.prefix(
        "set -euo pipefail;"
        ' python() {{ command python "$MELABLATE_SCRIPTS/take_gpus.py" "$@"; }}; '
    )
