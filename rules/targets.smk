# targets: `snakemake <stage>` makes everything up to that stage


rule corpus:
    input:
        CORPUS_PAGES,


rule spectrograms:
    input:
        [images_of(id) for id in PLAN.spectrograms],


rule export:
    input:
        f"{STUDY}/export",


rule latents:
    input:
        [latents_of(id) for id in PLAN.latents],


rule train:
    input:
        [
            f"{run_of(arm, seed)}/train.safetensors"
            for arm in PLAN.arms
            for seed in PLAN.study.seeds
        ],


rule samples:
    input:
        [f"{run_of(row, seed)}/samples" for row, seed in PLAN.rows()],


rule scores:
    input:
        [f"{run_of(row, seed)}/scores.csv" for row, seed in PLAN.rows()],


rule table:
    input:
        f"{STUDY}/table.md",


rule report:
    input:
        f"{STUDY}/report",
