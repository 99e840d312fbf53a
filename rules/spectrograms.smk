# spectrograms: clips → images in Parquet shards


rule make_spectrograms:
    input:
        lambda w: manifest_of(PLAN.spectrograms[w.id].reads["corpus"]),
    output:
        images=directory("results/spectrograms/{id}/images"),
        clips="results/spectrograms/{id}/clips.csv",
        excluded="results/spectrograms/{id}/excluded.csv",
    log:
        "logs/make_spectrograms/{id}.log",
    benchmark:
        "logs/make_spectrograms/{id}.tsv"
    priority: ON_THE_WAY_TO_ARMS
    conda:
        "../envs/audio.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=lambda w: PLAN.spectrograms[w.id].settings,
        folder=subpath(output.images, parent=True),
        data=lambda w: audio_of(PLAN.spectrograms[w.id].reads["corpus"]),
        limit=lambda w: given("SET_ASIDE", PLAN.spectrograms[w.id].reads["corpus"]),
        code=lambda w: code_identity(
            "make_spectrograms.py", codec_code(PLAN.codecs[w.id], "encode")
        ),
    message:
        "spectrograms {wildcards.id}"
    shell:
        'python "$MELABLATE_SCRIPTS"/make_spectrograms.py --settings {params.settings:q} --manifest {input:q}'
        " --audio {params.data} --max-set-aside {params.limit} --workers {threads} $MELABLATE_SHARDS --out {params.folder:q}"
        " 2>&1 | tee {log:q}"
