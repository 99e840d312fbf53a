# The yardstick of scale.py: the same jobs and files as a study of so many arms, and nothing else.
# No params, resources, logs or environments; every input is a plain string.
SEEDS = [0, 1, 2]
COUNT = int(config["arms"])
# One arm in a hundred has images of its own, as in the study.
CODECS = [f"own-{number}" for number in range(0, COUNT, 100) if number]
CEILINGS = ["codec-ceiling", "autoencoder-ceiling", "real-audio"]
ARMS = ["baseline", *(f"arm-{number:04}" for number in range(1, COUNT))]
SEEDED = [(row, seed) for row in [*ARMS, "untuned-base"] for seed in SEEDS]
ROWS = [*SEEDED, *((row, 0) for row in CEILINGS)]
RUN = "results/scale/arms/{row}/seed-{seed}"


wildcard_constraints:
    id="[a-z0-9-]+",
    row="[a-z0-9][a-z0-9._-]*",
    seed="[0-9]+",


def latents_of(wildcards):
    number = wildcards.row.removeprefix("arm-").lstrip("0")
    own = f"own-{number}"
    return f"results/latents/{own if own in CODECS else 'style'}/latents.safetensors"


def sample_input(wildcards):
    files = {"prompts": "results/scale/prompts.csv"}
    if wildcards.row not in ("codec-ceiling", "real-audio"):
        files["base"] = "results/models/base/base.sha256"
    if wildcards.row in CEILINGS:
        files["images"] = "results/spectrograms/style/images"
    elif wildcards.row != "untuned-base":
        files["weights"] = f"{RUN}/train.safetensors".format(**wildcards)
    if wildcards.row == "real-audio":
        files["manifest"] = "results/corpus/style/manifest.parquet"
    return files


rule all:
    input:
        "results/scale/table.md",
        "results/scale/report",
        [f"results/corpus/{corpus}/report.html" for corpus in ("broad", "style")],


rule compose_music:
    output:
        table="results/music/{id}/song_describer.csv",
        audio=directory("results/music/{id}/audio"),
        contents="results/music/{id}/music.sha256",
    shell:
        "touch {output}"


rule scan_corpus:
    input:
        "results/music/{id}/music.sha256",
    output:
        "results/corpus/{id}/manifest.parquet",
        "results/corpus/{id}/excluded.csv",
    shell:
        "touch {output}"


rule report_corpus:
    input:
        "results/corpus/{id}/manifest.parquet",
    output:
        "results/corpus/{id}/report.html",
        "results/corpus/{id}/excluded.txt",
    shell:
        "touch {output}"


rule make_spectrograms:
    input:
        lambda w: f"results/corpus/{'broad' if w.id == 'broad' else 'style'}/manifest.parquet",
    output:
        directory("results/spectrograms/{id}/images"),
        "results/spectrograms/{id}/clips.csv",
        "results/spectrograms/{id}/excluded.csv",
    shell:
        "touch {output}"


rule train_autoencoder:
    input:
        "results/spectrograms/broad/images",
    output:
        "results/models/autoencoder/vae/diffusion_pytorch_model.safetensors",
        "results/models/autoencoder/vae/config.json",
        "results/models/autoencoder/vae/vae.sha256",
        "results/models/autoencoder/autoencoder.json",
    shell:
        "touch {output}"


rule train_base:
    input:
        "results/spectrograms/broad/images",
        "results/models/autoencoder/vae/vae.sha256",
    output:
        "results/models/base/model_index.json",
        "results/models/base/base.sha256",
        directory(
            [
                f"results/models/base/{part}"
                for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
            ]
        ),
    shell:
        "touch {output}"


rule train_embedder:
    input:
        "results/corpus/broad/manifest.parquet",
        "results/corpus/style/manifest.parquet",
    output:
        "results/models/embedder/embedder.json",
        "results/models/embedder/embedder.sha256",
        "results/models/embedder/model.safetensors",
        "results/models/embedder/tokenizer.json",
        "results/models/embedder/quality.json",
    shell:
        "touch {output}"


rule encode_latents:
    input:
        "results/spectrograms/{id}/images",
        "results/models/base/base.sha256",
    output:
        "results/latents/{id}/latents.safetensors",
    shell:
        "touch {output}"


rule choose_prompts:
    input:
        "results/spectrograms/style/images",
    output:
        "results/scale/prompts.csv",
    shell:
        "touch {output}"


rule embed_reference:
    input:
        "results/corpus/style/manifest.parquet",
        "results/models/embedder/embedder.sha256",
    output:
        "results/scale/reference/embeddings.safetensors",
    shell:
        "touch {output}"


rule train_arm:
    input:
        base="results/models/base/base.sha256",
        latents=latents_of,
    output:
        multiext(
            f"{RUN}/train",
            ".safetensors",
            ".kohya.safetensors",
            ".best.safetensors",
            ".csv",
            ".validation.csv",
            ".json",
        ),
    shell:
        "touch {output}"


rule generate_samples:
    input:
        unpack(sample_input),
    output:
        directory(f"{RUN}/samples"),
    shell:
        "touch {output}"


rule score_samples:
    input:
        samples=f"{RUN}/samples",
        reference="results/scale/reference/embeddings.safetensors",
        embedder="results/models/embedder/embedder.sha256",
    output:
        scores=f"{RUN}/scores.csv",
        embeddings=f"{RUN}/embeddings.safetensors",
    shell:
        "touch {output}"


rule make_table:
    input:
        [f"results/scale/arms/{row}/seed-{seed}/scores.csv" for row, seed in ROWS],
        [f"results/scale/arms/{arm}/seed-0/train.json" for arm in ARMS],
        "results/scale/prompts.csv",
    output:
        [f"results/scale/table.{end}" for end in ("csv", "parquet", "md", "json")],
    shell:
        "touch {output}"


rule make_report:
    input:
        "results/scale/table.json",
        "results/scale/prompts.csv",
        [f"results/scale/arms/{row}/seed-{seed}/samples" for row, seed in ROWS],
        [
            f"results/scale/arms/{arm}/seed-{seed}/train.{end}"
            for arm in ARMS
            for seed in SEEDS
            for end in ("csv", "json")
        ],
    output:
        directory("results/scale/report"),
    shell:
        "touch {output}"
