# cluster: what a run needs beside its jobs: before the first, when one fails, and after the last
from melablate.cluster.failures import Failures
from melablate.cluster.broken_gpus import LeaveOut
from melablate.cluster.running import WhoHolds, job_name, leave_note

LEAVE_OUT = LeaveOut()
FAILURES = Failures(
    whole=workflow.output_settings.show_failed_logs,
    on_failure=lambda: LEAVE_OUT(workflow.scheduler),
)
for added in (FAILURES, WhoHolds()):
    logger.addFilter(added)


onstart:
    from melablate.cluster.leftovers import end_leftovers
    from melablate.cluster.scheduling import without_rate_limit

    sent_as = job_name(workflow.scheduler)
    leave_note(sent_as)
    without_rate_limit(workflow.scheduler)
    # A run that writes nothing (fetch, forecast, doctor) may go on beside one that does.
    if any(job.output for job in workflow.dag.needrun_jobs()):
        end_leftovers(Path.cwd(), needed=bool(sent_as))
    LEAVE_OUT(workflow.scheduler)


onerror:
    if FAILURES.summary():
        logger.error(FAILURES.summary())
