# cluster: before the first job of a run


onstart:
    from melablate.cluster.leftovers import end_leftovers
    from melablate.cluster.scheduling import without_rate_limit

    without_rate_limit(workflow.scheduler)
    end_leftovers(Path.cwd())
