# train: one LoRA an arm and seed


rule train_arm:
    input:
        unpack(train_input),
    output:
        multiext(
            f"{RUN}/train",
            weights=".safetensors",
            kohya=".kohya.safetensors",
            best=".best.safetensors",
            log=".csv",
            validation=".validation.csv",
            provenance=".json",
        ),
    log:
        f"logs/{PLAN.study.study}/train_arm/{{row}}/seed-{{seed}}.log",
    cache: True
    conda:
        "../envs/diffusion.yaml"
    threads: 1
    resources:
        mem_mb=growing(16000),
        runtime=720,  # a run that needs longer goes on in the next try
        gpu=PLAN.study.gpus,
    # Neither names nor paths of arm and study: the shared cache knows a run by its params, and a
    # renamed arm, or another study with the same baseline, takes it from there.
    params:
        settings=signed(lambda w: train_stage(w).settings),
        latents_settings=by_row(
            lambda w: canonical(settings_json(PLAN.recipe(w.row).latents))
        ),
        provenance=signed(lambda w: canonical(train_provenance(w))),
        identity=signed(lambda w: identity([train_stage(w).identity, train_code(w)])),
        code=train_code,
        start=given_start,
        base=signed(lambda w: base_folder(train_stage(w).reads["base"])),
    message:
        "training {wildcards.row}, seed {wildcards.seed}"
    shell:
        'python "$MELABLATE_SCRIPTS"/train_lora.py --settings {params.settings:q} --seed {wildcards.seed}'
        " --identity {params.identity} --base {params.base}"
        " --latents-settings {params.latents_settings:q}"
        " --latents {input.latents:q} --images {input.images:q}"
        " --regularization {input.regularization:q} --warm-start {input.warm_start:q} {params.start}"
        ' --study "$MELABLATE_STUDY" --arm {wildcards.row} --provenance {params.provenance:q}'
        " $MELABLATE_CHECKPOINT $MELABLATE_WATCH --watch-folder {log:q} --processes $MELABLATE_PROCESSES --threads {threads} --out {output.weights:q} 2>&1 | (trap '' TERM USR1; exec tee -i {log:q})"
