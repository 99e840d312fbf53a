# train: one LoRA an arm and seed


rule train_arm:
    input:
        unpack(train_input),
    output:
        multiext(f"{RUN}/train", ".safetensors", ".kohya.safetensors", ".csv", ".json"),
    log:
        f"logs/{PLAN.study.study}/train_arm/{{row}}/seed-{{seed}}.log",
    cache: True
    conda:
        "../envs/melablate.yaml"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=720,
        gpu=1,
    params:
        settings=lambda w: train_stage(w).settings,
        latents_settings=lambda w: canonical(settings_json(PLAN.recipe(w.row).latents)),
        provenance=train_provenance,
        identity=lambda w: identity([train_stage(w).identity, train_code(w)]),
        code=train_code,
        base=subpath(input.base, parent=True),
        options=train_options,
        prefix=subpath(output[0], strip_suffix=".safetensors"),
    message:
        "training {wildcards.row}, seed {wildcards.seed}"
    shell:
        'python "$MELABLATE_SCRIPTS"/train_lora.py --settings {params.settings:q} --seed {wildcards.seed}'
        " --identity {params.identity} --base {params.base:q}"
        " --latents-settings {params.latents_settings:q} {params.options:q}"
        " --provenance {params.provenance:q} $MELABLATE_CHECKPOINT --threads {threads} --out {params.prefix:q}"
        " 2>&1 | tee {log:q}"
