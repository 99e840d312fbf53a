# rows: what the jobs of a row of the table read, and the identity of their code


def train_stage(wildcards):
    return PLAN.train(wildcards.row, int(wildcards.seed))


@signed
def train_input(wildcards):
    """The base always, the rest where the arm's recipe asks for it."""
    recipe, reads = PLAN.recipe(wildcards.row), train_stage(wildcards).reads
    files = dict.fromkeys(("latents", "images", "regularization", "warm_start"), [])
    files["base"] = base_of(reads["base"])
    if "latents" in reads:
        files["latents"] = latents_of(reads["latents"])
    if "images" in reads:
        files["images"] = images_of(reads["images"])
    if "regularization" in reads:
        files["regularization"] = latents_of(reads["regularization"])
    if "warm_start" in reads:
        arm = recipe.train.warm_start.arm
        if arm:
            files["warm_start"] = f"{run_of(arm, wildcards.seed)}/train.safetensors"
        else:
            given_file(*os.path.split(PLAN.starts[reads["warm_start"]]))
    return files


@signed
def given_start(wildcards):
    """The file of weights that an arm starts from, where it is no other arm's."""
    start = PLAN.recipe(wildcards.row).train.warm_start
    if start is None or start.arm:
        return ""
    return given("START", train_stage(wildcards).reads["warm_start"])


def train_provenance(wildcards):
    """What the run's provenance file records beside what the trainer knows itself."""
    stage = train_stage(wildcards)
    return {
        "reads": dict(stage.reads),
        "stages": PLAN.upstream(stage),
        "code": train_code(wildcards),
    }


@by_row
def train_code(wildcards):
    """Where latents are not cached, training reads the images itself."""
    recipe = PLAN.recipe(wildcards.row)
    images = [] if recipe.latents.cached else codec_code(recipe.spectrogram)
    return code_identity("train_lora.py", [*plugins(recipe.train), *images])


def sample_stage(wildcards):
    return PLAN.samples(wildcards.row, int(wildcards.seed))


@by_row
def sample_script(wildcards):
    if wildcards.row in WITHOUT_BASE:
        return "render_real_clips.py"
    return (
        "render_autoencoder.py" if wildcards.row in CEILINGS else "generate_samples.py"
    )


@by_row
def sample_code(wildcards):
    codec = codec_code(PLAN.recipe(wildcards.row).spectrogram)
    if wildcards.row != "real-audio":
        codec = codec_code(PLAN.recipe(wildcards.row).spectrogram, "decode")
        codec.append(mel_inverse(PLAN.recipe(wildcards.row).spectrogram))
    return code_identity(sample_script(wildcards), codec)


@by_row
def score_code(wildcards):
    codec = PLAN.recipe(wildcards.row).spectrogram
    return code_identity("score_samples.py", [EMBEDDER_CODE, *codec_code(codec)])


@signed
def sample_input(wildcards):
    """Arms read their weights; the untuned base has none; ceilings read real clips instead."""
    reads = sample_stage(wildcards).reads
    files = {"prompts": f"{STUDY}/prompts.csv"}
    if "base" in reads:
        files["base"] = base_of(reads["base"])
    if "train" in reads:
        best = PLAN.recipe(wildcards.row).sample.checkpoint == "best"
        file = "train.best.safetensors" if best else "train.safetensors"
        files["weights"] = f"{run_of(wildcards.row, wildcards.seed)}/{file}"
    if wildcards.row in CEILINGS:
        files["images"] = prompt_images()
    if wildcards.row == "real-audio":
        files["manifest"] = manifest_of(PLAN.corpus(PLAN.common.corpus))
    return files


@signed
def sample_options(wildcards, input):
    """Command-line options for the files that only some rows read."""
    names = [name for name in ("weights", "images", "manifest") if name in input.keys()]
    return [word for name in names for word in (f"--{name}", input[name])]


@by_row
def sample_folders(wildcards):
    """The same for folders that may be given."""
    if wildcards.row == "real-audio":
        return f"--audio {audio_of(PLAN.corpus(PLAN.common.corpus))}"
    base = sample_stage(wildcards).reads.get("base")
    return f"--base {base_folder(base)}" if base else ""


def pipeline_settings(wildcards):
    """What an arm's samples are drawn by, for those who draw them elsewhere."""
    recipe = PLAN.recipe(wildcards.row)
    height, width = recipe.spectrogram.size
    return canonical(
        {
            "sampler": recipe.sample.sampler,
            "clip_skip": recipe.train.clip_skip,
            "prediction_type": recipe.train.prediction_type,
            "zero_terminal_snr": recipe.train.zero_terminal_snr,
            "height": height,
            "width": width,
        }
    )
