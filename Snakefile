# Melablate: the full ablation table of spectrogram diffusion. README.md says how to run it.
from snakemake.utils import min_version

min_version("9.20")


if not workflow.config_settings.configfiles:

    configfile: f"{workflow.basedir}/config/config.yaml"


# For `--sdm apptainer` alone: one image with all that rules need (docs/environments.md).
container: "melablate.sif"


include: "rules/common.smk"
include: "rules/rows.smk"
include: "rules/gpus.smk"
include: "rules/fetch.smk"
include: "rules/corpus.smk"
include: "rules/spectrograms.smk"
include: "rules/export.smk"
include: "rules/models.smk"
include: "rules/latents.smk"
include: "rules/train.smk"
include: "rules/samples.smk"
include: "rules/scores.smk"
include: "rules/table.smk"
include: "rules/report.smk"
include: "rules/cluster.smk"
include: "rules/forecast.smk"
include: "rules/doctor.smk"
include: "rules/targets.smk"


rule all:
    default_target: True
    input:
        f"{STUDY}/table.md",
        f"{STUDY}/report",
        CORPUS_PAGES,
