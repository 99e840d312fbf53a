# cluster: what a run needs beside its jobs: before the first, when one fails, and after the last
from melablate.cluster.hooks import hooks
from melablate.cluster.records import record_itself
from snakemake.persistence import PersistenceBase

if workflow.remote_exec:
    record_itself(PersistenceBase)

HOOKS = hooks(workflow)


# Snakemake takes those of the outermost Snakefile alone (README, "In another workflow").
onstart:
    HOOKS.start()


onerror:
    HOOKS.error()
