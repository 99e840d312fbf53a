# scores: embeddings of the audio, and one row a metric and sample

SCORES = PLAN.scores()
EMBEDDER_CODE = f"models/{PLAN.study.embedder.kind}.py"


rule embed_reference:
    input:
        manifest=manifest_of(SCORES.reads["corpus"]),
        embedder=embedder_of(SCORES.reads["embedder"]),
    output:
        f"{STUDY}/reference/embeddings.safetensors",
    log:
        f"logs/{PLAN.study.study}/embed_reference.log",
    benchmark:
        f"logs/{PLAN.study.study}/embed_reference.tsv"
    conda:
        "../envs/scoring.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=1,
    params:
        settings=PLAN.reference_clips(),
        reads=canonical(dict(SCORES.reads)),
        audio=audio_of(SCORES.reads["corpus"]),
        embedder=subpath(input.embedder, parent=True),
        code=code_identity("embed_reference.py", [EMBEDDER_CODE]),
    message:
        "embedding real clips"
    shell:
        'python "$MELABLATE_SCRIPTS"/embed_reference.py --settings {params.settings:q}'
        " --manifest {input.manifest:q} --audio {params.audio} --embedder {params.embedder:q}"
        " --out {output:q} 2>&1 | tee {log:q}"


rule score_samples:
    input:
        samples=f"{RUN}/samples",
        reference=f"{STUDY}/reference/embeddings.safetensors",
        embedder=embedder_of(SCORES.reads["embedder"]),
    output:
        scores=f"{RUN}/scores.csv",
        embeddings=f"{RUN}/embeddings.safetensors",
    log:
        f"logs/{PLAN.study.study}/score_samples/{{row}}/seed-{{seed}}.log",
    benchmark:
        f"logs/{PLAN.study.study}/score_samples/{{row}}/seed-{{seed}}.tsv"
    conda:
        "../envs/scoring.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=1,
    params:
        settings=SCORES.settings,
        reads=signed(
            lambda w: canonical(
                dict(SCORES.reads) | {"samples": sample_stage(w).identity}
            )
        ),
        embedder=subpath(input.embedder, parent=True),
        code=score_code,
    message:
        "scores of {wildcards.row}, seed {wildcards.seed}"
    shell:
        'python "$MELABLATE_SCRIPTS"/score_samples.py --settings {params.settings:q} --samples {input.samples:q}'
        " --reference {input.reference:q} --embedder {params.embedder:q}"
        " --out-scores {output.scores:q} --out-embeddings {output.embeddings:q} 2>&1 | tee {log:q}"
