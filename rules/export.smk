# export: images with captions for other trainers; an arm as a pipeline for diffusers


rule export_images:
    input:
        prompt_images(),
    output:
        directory(f"{STUDY}/export"),
    log:
        f"logs/{PLAN.study.study}/export_images.log",
    conda:
        "../envs/audio.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings=canonical(PLAN.study.export.model_dump(mode="json")),
        code=code_identity("export_images.py"),
    message:
        "exporting images with captions"
    shell:
        'python "$MELABLATE_SCRIPTS"/export_images.py --settings {params.settings:q} --images {input:q}'
        " --out {output:q} 2>&1 | tee {log:q}"


rule export_pipeline:
    input:
        base=lambda w: base_of(train_stage(w).reads["base"]),
        weights=f"{RUN}/train.safetensors",
    output:
        directory(f"{RUN}/pipeline"),
    log:
        f"logs/{PLAN.study.study}/export_pipeline/{{row}}/seed-{{seed}}.log",
    conda:
        "../envs/diffusion.yaml"
    resources:
        mem_mb=24000,
        runtime=60,
    params:
        settings=pipeline_settings,
        base=lambda w: base_folder(train_stage(w).reads["base"]),
        code=code_identity("export_pipeline.py"),
    message:
        "exporting {wildcards.row}, seed {wildcards.seed}, as a pipeline"
    shell:
        'python "$MELABLATE_SCRIPTS"/export_pipeline.py --settings {params.settings:q} --base {params.base}'
        " --weights {input.weights:q} --out {output:q} 2>&1 | tee {log:q}"
