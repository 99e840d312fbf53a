# models: the embedded base (autoencoder, then U-Net and text encoder) and the text–audio model


rule train_autoencoder:
    input:
        lambda w: images_of(PLAN.autoencoders[w.id].reads["images"]),
    output:
        weights="results/models/{id}/vae/diffusion_pytorch_model.safetensors",
        config="results/models/{id}/vae/config.json",
        contents="results/models/{id}/vae/vae.sha256",
        quality="results/models/{id}/autoencoder.json",
    log:
        "logs/train_autoencoder/{id}.log",
    benchmark:
        "logs/train_autoencoder/{id}.tsv"
    priority: ON_THE_WAY_TO_ARMS
    conda:
        "../envs/diffusion.yaml"
    threads: lambda w: threads_of(PLAN.autoencoders[w.id])
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=lambda w: PLAN.autoencoders[w.id].settings,
        folder=subpath(output.quality, parent=True),
        code=lambda w: images_code(
            "train_tiny_vae.py", PLAN.autoencoders[w.id].reads["images"]
        ),
    message:
        "training the embedded autoencoder"
    shell:
        'python "$MELABLATE_SCRIPTS"/train_tiny_vae.py --settings {params.settings:q} --images {input:q}'
        " --out {params.folder:q} 2>&1 | tee {log:q}"


rule train_base:
    input:
        images=lambda w: images_of(PLAN.bases[w.id].reads["images"]),
        vae=lambda w: f"results/models/{PLAN.bases[w.id].reads['autoencoder']}/vae/vae.sha256",
    output:
        index="results/models/{id}/model_index.json",
        contents="results/models/{id}/base.sha256",
        parts=[
            directory(f"results/models/{{id}}/{part}")
            for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
        ],
    log:
        "logs/train_base/{id}.log",
    benchmark:
        "logs/train_base/{id}.tsv"
    priority: ON_THE_WAY_TO_ARMS
    conda:
        "../envs/diffusion.yaml"
    threads: lambda w: threads_of(PLAN.bases[w.id])
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=lambda w: PLAN.bases[w.id].settings,
        vae=subpath(input.vae, parent=True),
        folder=subpath(output.index, parent=True),
        code=lambda w: images_code(
            "train_tiny_base.py", PLAN.bases[w.id].reads["images"]
        ),
    message:
        "training the embedded base"
    shell:
        'python "$MELABLATE_SCRIPTS"/train_tiny_base.py --settings {params.settings:q} --images {input.images:q}'
        " --vae {params.vae:q} --out {params.folder:q} 2>&1 | tee {log:q}"


if PLAN.study.embedder.kind == "tiny_clap":

    rule train_embedder:
        input:
            lambda w: [manifest_of(corpus) for corpus in embedder_corpora(w)],
        output:
            "results/models/{id}/embedder.json",
            "results/models/{id}/embedder.sha256",
            "results/models/{id}/model.safetensors",
            "results/models/{id}/tokenizer.json",
            "results/models/{id}/quality.json",
        log:
            "logs/train_embedder/{id}.log",
        benchmark:
            "logs/train_embedder/{id}.tsv"
        conda:
            "../envs/scoring.yaml"
        threads: lambda w: threads_of(PLAN.embedders[w.id])
        resources:
            mem_mb=growing(4000),
            runtime=growing(30),
        params:
            settings=lambda w: PLAN.embedders[w.id].settings,
            clip=PLAN.embedder_clip(),
            folder=subpath(output[0], parent=True),
            audio=lambda w: [audio_of(c) for c in embedder_corpora(w)],
            code=code_identity("train_tiny_clap.py"),
        message:
            "training the embedded text–audio model"
        shell:
            'python "$MELABLATE_SCRIPTS"/train_tiny_clap.py --settings {params.settings:q} --clip {params.clip:q}'
            " --manifests {input:q}"
            " --audio {params.audio} --out {params.folder:q} 2>&1 | tee {log:q}"

else:

    rule link_embedder:
        input:
            lambda w: ancient(given_file(PLAN.study.embedder.path, "config.json")),
        output:
            "results/models/{id}/embedder.json",
        log:
            "logs/link_embedder/{id}.log",
        conda:
            "../envs/scoring.yaml"
        params:
            path=subpath(input[0], parent=True),
            kind=PLAN.study.embedder.kind,
            code=code_identity("link_embedder.py"),
        message:
            "pointing at the text–audio model {params.path}"
        shell:
            'python "$MELABLATE_SCRIPTS"/link_embedder.py --kind {params.kind} --path {params.path:q}'
            " --out {output:q} 2>&1 | tee {log:q}"
