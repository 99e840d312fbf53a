# latents: posterior mean and std of every image, from the base's autoencoder


rule encode_latents:
    input:
        images=lambda w: images_of(PLAN.latents[w.id].reads["images"]),
        base=lambda w: base_of(PLAN.latents[w.id].reads["base"]),
    output:
        "results/latents/{id}/latents.safetensors",
    log:
        "logs/encode_latents/{id}.log",
    benchmark:
        "logs/encode_latents/{id}.tsv"
    priority: ON_THE_WAY_TO_ARMS
    conda:
        "../envs/diffusion.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=1,
    params:
        settings=lambda w: PLAN.latents[w.id].settings,
        base=lambda w: base_folder(PLAN.latents[w.id].reads["base"]),
        code=lambda w: images_code(
            "encode_latents.py", PLAN.latents[w.id].reads["images"]
        ),
    message:
        "latents {wildcards.id}"
    shell:
        'python "$MELABLATE_SCRIPTS"/encode_latents.py --settings {params.settings:q} --images {input.images:q}'
        " --base {params.base} --identity {wildcards.id} --threads {threads}"
        " --out {output:q} 2>&1 | tee {log:q}"
