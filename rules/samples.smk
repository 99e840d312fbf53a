# samples: prompts, then audio and images of every arm and fixed row


localrules:
    choose_prompts,


rule choose_prompts:
    input:
        prompt_images(),
    output:
        f"{STUDY}/prompts.csv",
    log:
        f"logs/{PLAN.study.study}/choose_prompts.log",
    # It finds out whether there are clips enough, so before hours of training.
    priority: 100
    conda:
        "../envs/audio.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
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
    benchmark:
        f"logs/{PLAN.study.study}/generate_samples/{{row}}/seed-{{seed}}.tsv"
    conda:
        "../envs/diffusion.yaml"
    threads: 1
    resources:
        mem_mb=growing(lambda w: 4000 if w.row in WITHOUT_BASE else 16000),
        runtime=growing(120),
        gpu=signed(lambda w: 0 if w.row in WITHOUT_BASE else 1),
    params:
        settings=signed(lambda w: sample_stage(w).settings),
        reads=signed(lambda w: canonical(dict(sample_stage(w).reads))),
        script=sample_script,
        code=sample_code,
        options=sample_options,
        folders=sample_folders,
    message:
        "samples of {wildcards.row}, seed {wildcards.seed}"
    shell:
        'python "$MELABLATE_SCRIPTS"/{params.script} --settings {params.settings:q} --seed {wildcards.seed}'
        " --prompts {input.prompts:q} {params.options:q} {params.folders}"
        " --threads {threads} --out {output:q} 2>&1 | tee {log:q}"
