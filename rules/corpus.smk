# corpus: music → one row a track, with hash, captions, split and why it was set aside


rule compose_music:
    output:
        table="results/music/{id}/song_describer.csv",
        audio=directory("results/music/{id}/audio"),
        contents="results/music/{id}/music.sha256",
    log:
        "logs/compose_music/{id}.log",
    benchmark:
        "logs/compose_music/{id}.tsv"
    priority: ON_THE_WAY_TO_ARMS
    conda:
        "../envs/audio.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings=lambda w: PLAN.music[w.id].settings,
        folder=subpath(output.table, parent=True),
        code=code_identity("compose_corpus.py"),
    message:
        "composing music {wildcards.id}"
    shell:
        'python "$MELABLATE_SCRIPTS"/compose_corpus.py --settings {params.settings:q}'
        " --out {params.folder:q} 2>&1 | tee {log:q}"


rule scan_corpus:
    input:
        music_input,
    output:
        manifest="results/corpus/{id}/manifest.parquet",
        excluded="results/corpus/{id}/excluded.csv",
    log:
        "logs/scan_corpus/{id}.log",
    benchmark:
        "logs/scan_corpus/{id}.tsv"
    priority: ON_THE_WAY_TO_ARMS
    conda:
        "../envs/audio.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=lambda w: PLAN.corpora[w.id].settings,
        reads=lambda w: canonical(dict(PLAN.corpora[w.id].reads)),
        data=lambda w: given("DATA", w.id),
        lists=lambda w: lists_of(w.id),
        limit=lambda w: given("SET_ASIDE", w.id),
        code=code_identity("scan_corpus.py"),
    message:
        "checking the corpus {wildcards.id}"
    shell:
        'python "$MELABLATE_SCRIPTS"/scan_corpus.py --settings {params.settings:q} --data {params.data}'
        " {params.lists} --max-set-aside {params.limit} --threads {threads} --out-manifest {output.manifest:q}"
        " --out-excluded {output.excluded:q} 2>&1 | tee {log:q}"


rule report_corpus:
    input:
        manifest_of("{id}"),
    output:
        page="results/corpus/{id}/report.html",
        text="results/corpus/{id}/excluded.txt",
    log:
        "logs/report_corpus/{id}.log",
    conda:
        "../envs/audio.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        title=lambda w: PLAN.corpus_title(w.id),
        code=code_identity("report_corpus.py"),
    message:
        "drawing the corpus {wildcards.id}"
    shell:
        'python "$MELABLATE_SCRIPTS"/report_corpus.py --manifest {input:q} --title {params.title:q}'
        " --out-page {output.page:q} --out-text {output.text:q} 2>&1 | tee {log:q}"
