"""Try the GPUs that this job was given, before work begins; Slurm jobs do so by themselves."""

from melablate.cluster.broken_gpus import check_gpus

if __name__ == "__main__":
    check_gpus()
