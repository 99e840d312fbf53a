# train: one LoRA an arm and seed


def train_stage(wildcards):
    return PLAN.train(wildcards.row, int(wildcards.seed))


def train_input(wildcards):
    """The base always, the rest where the arm's recipe asks for it."""
    recipe, reads = PLAN.recipe(wildcards.row), train_stage(wildcards).reads
    files = {"base": base_of(reads["base"])}
    if "latents" in reads:
        files["latents"] = latents_of(reads["latents"])
    if "images" in reads:
        files["images"] = images_of(reads["images"])
    if "regularization" in reads:
        files["regularization"] = latents_of(reads["regularization"])
    if "warm_start" in reads:
        start = recipe.train.warm_start.arm
        files["warm_start"] = f"{run_of(start, wildcards.seed)}/train.safetensors"
    return files


def train_options(wildcards, input):
    """Command-line options for the files that only some arms read."""
    names = ("latents", "images", "regularization", "warm_start")
    given = [(name, input.get(name)) for name in names if input.get(name)]
    return [word for name, file in given for word in (f"--{name.replace('_', '-')}", file)]


def train_provenance(wildcards):
    """What the run's provenance file records beside what the trainer knows itself."""
    reads = dict(train_stage(wildcards).reads)
    return canonical({"study": PLAN.study.study, "arm": wildcards.row, "reads": reads})


def train_code(wildcards):
    return code_identity("train_lora.py", PLAN.recipe(wildcards.row).train.plugins())


rule train_arm:
    input:
        unpack(train_input),
    output:
        multiext(f"{RUN}/train", ".safetensors", ".csv", ".json"),
    params:
        settings=lambda w: train_stage(w).settings,
        latents_settings=lambda w: canonical(PLAN.recipe(w.row).latents.model_dump(mode="json")),
        provenance=train_provenance,
        identity=lambda w: identity([train_stage(w).identity, train_code(w)]),
        code=train_code,
        base=subpath(input.base, parent=True),
        options=train_options,
        prefix=subpath(output[0], strip_suffix=".safetensors"),
    log:
        f"logs/{PLAN.study.study}/train_arm/{{row}}/seed-{{seed}}.log",
    conda:
        "../envs/melablate.yaml"
    cache: True
    threads: 1
    resources:
        mem_mb=16000,
        runtime=720,
        gpu=1,
    shell:
        "python {SCRIPTS:q}/train_lora.py --settings {params.settings:q} --seed {wildcards.seed}"
        " --identity {params.identity} --base {params.base:q}"
        " --latents-settings {params.latents_settings:q} {params.options:q}"
        " --provenance {params.provenance:q} --threads {threads} --out {params.prefix:q}"
        " 2>&1 | tee {log:q}"
