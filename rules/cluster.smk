# cluster: before the first job of a run


onstart:
    from melablate.cluster.leftovers import end_leftovers

    end_leftovers(Path.cwd())
