"""What a study would take: jobs, time, disk, before it runs; and how wrong that was."""
