"""What Slurm is asked apart from Snakemake."""
