# samples: prompts, then audio and images of every arm and fixed row


rule choose_prompts:
    input:
        prompt_images(),
    output:
        f"{STUDY}/prompts.csv",
    log:
        f"logs/{PLAN.study.study}/choose_prompts.log",
    conda:
        "../envs/melablate.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=PLAN.prompts().settings,
        code=images_code("choose_prompts.py", PLAN.prompts().reads["images"]),
    message:
        "choosing prompts"
    shell:
        'python "$MELABLATE_SCRIPTS"/choose_prompts.py --settings {params.settings:q} --images {input:q}'
        " --out {output:q} 2>&1 | tee {log:q}"


rule generate_samples:
    input:
        unpack(sample_input),
    output:
        directory(f"{RUN}/samples"),
    log:
        f"logs/{PLAN.study.study}/generate_samples/{{row}}/seed-{{seed}}.log",
    conda:
        "../envs/melablate.yaml"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=120,
        gpu=1,
    params:
        settings=lambda w: sample_stage(w).settings,
        reads=lambda w: canonical(dict(sample_stage(w).reads)),
        script=sample_script,
        code=sample_code,
        base=subpath(input.base, parent=True),
        options=sample_options,
    message:
        "samples of {wildcards.row}, seed {wildcards.seed}"
    shell:
        'python "$MELABLATE_SCRIPTS"/{params.script} --settings {params.settings:q} --seed {wildcards.seed}'
        " --prompts {input.prompts:q} --base {params.base:q} {params.options:q}"
        " --threads {threads} --out {output:q} 2>&1 | tee {log:q}"
