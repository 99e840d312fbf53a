# samples: prompts, then audio and images of every arm and fixed row


rule choose_prompts:
    input:
        prompt_images(),
    output:
        f"{STUDY}/prompts.csv",
    params:
        settings=PLAN.prompts().settings,
        code=code_identity("choose_prompts.py"),
    log:
        f"logs/{PLAN.study.study}/choose_prompts.log",
    conda:
        "../envs/melablate.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python {SCRIPTS:q}/choose_prompts.py --settings {params.settings:q} --images {input:q}"
        " --out {output:q} 2>&1 | tee {log:q}"


def sample_stage(wildcards):
    return PLAN.samples(wildcards.row, int(wildcards.seed))


def sample_script(wildcards):
    return "render_fixed_row.py" if wildcards.row in CEILINGS else "generate_samples.py"


def sample_input(wildcards):
    """Arms read their weights; the untuned base has none; ceilings read real clips instead."""
    reads = sample_stage(wildcards).reads
    files = {"prompts": f"{STUDY}/prompts.csv", "base": base_of(reads["base"])}
    if "train" in reads:
        files["weights"] = f"{run_of(wildcards.row, wildcards.seed)}/train.safetensors"
    if wildcards.row in CEILINGS:
        files["images"] = prompt_images()
    if wildcards.row == "real-audio":
        files["manifest"] = manifest_of(PLAN.corpus(PLAN.study.corpus))
    return files


def sample_options(wildcards, input):
    """Command-line options for the files that only some rows read."""
    options = [w for name in ("weights", "images", "manifest") if name in input.keys() for w in (f"--{name}", input[name])]
    if wildcards.row == "real-audio":
        options += ["--audio", f"{PLAN.data_folders[PLAN.corpus(PLAN.study.corpus)]}/audio"]
    return options


rule generate_samples:
    input:
        unpack(sample_input),
    output:
        directory(f"{RUN}/samples"),
    params:
        settings=lambda w: sample_stage(w).settings,
        reads=lambda w: canonical(dict(sample_stage(w).reads)),
        script=sample_script,
        code=lambda w: code_identity(sample_script(w)),
        base=subpath(input.base, parent=True),
        options=sample_options,
    log:
        f"logs/{PLAN.study.study}/generate_samples/{{row}}/seed-{{seed}}.log",
    conda:
        "../envs/melablate.yaml"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=120,
        gpu=1,
    shell:
        "python {SCRIPTS:q}/{params.script} --settings {params.settings:q} --seed {wildcards.seed}"
        " --prompts {input.prompts:q} --base {params.base:q} {params.options:q}"
        " --threads {threads} --out {output:q} 2>&1 | tee {log:q}"
