# What the stages share: the plan of the study, and the identity of code.
# Parsed again in every job, so nothing heavy is imported here.
import json
import os
import sys
from inspect import signature
from itertools import takewhile
from pathlib import Path

PROJECT = Path(str(workflow.current_basedir)).parent
SCRIPTS = PROJECT / "scripts"
sys.path.insert(0, str(SCRIPTS))
# Shell commands name scripts by this variable, so that moving the folder changes no command.
os.environ["MELABLATE_SCRIPTS"] = str(SCRIPTS)
# No stage but fetch touches a network; Hugging Face's libraries would where a file is missing.
for library in ("HF_HUB", "TRANSFORMERS", "HF_DATASETS"):
    os.environ[f"{library}_OFFLINE"] = "1"

from melablate.code_cache import code_identity
from melablate.config_errors import ConfigError
from melablate.config import FIXED_ROWS, WITHOUT_BASE
from melablate.fetch.needs import asset_at, needed
from melablate.identity import canonical, identity
from melablate.own_python import prefer_own_python
from melablate.plan import make_plan
from melablate.settings_json import settings_json
from melablate.training.plugins import plugins
from snakemake.common import overwrite_function_params
from snakemake.logging import logger
from snakemake.resources import Resource
from snakemake.target_jobs import parse_target_jobs_cli_args

prefer_own_python()


def rows_of_job():
    """The rows of which a job of a cluster is told to work; None where it is not only rows.

    Snakemake knows its targets only after this file is read.
    """
    words = sys.argv[1:]
    if workflow.is_main_process or "--target-jobs" not in words:
        return None
    after = words[words.index("--target-jobs") + 1 :]
    told = parse_target_jobs_cli_args(takewhile(lambda w: not w.startswith("-"), after))
    rows = {target.wildcards_dict.get("row") for target in told}
    return rows if rows and None not in rows else None


try:
    PLAN = make_plan(config, workflow.configfiles, rows_of_job())
except ConfigError as error:
    logger.error(str(error))
    sys.exit(1)  # an exception would be told with the line of this file

# What was fetched is compared with what was promised; no stage that reads it can run (`given_file`).
for told in PLAN.wrong.values():
    logger.error(told)

# Not among the params: how often a state is saved changes no result, so nothing need run again.
# A variable of the shell, because a module's commands do not see the globals of its Snakefile.
os.environ["MELABLATE_CHECKPOINT"] = PLAN.study.checkpoint.options
# How images are spread over files changes none of them.
os.environ["MELABLATE_SHARDS"] = PLAN.study.shards.options
# What is shown while it trains changes nothing either.
os.environ["MELABLATE_WATCH"] = PLAN.study.watch.options
os.environ["MELABLATE_STUDY"] = PLAN.study.study
# Not resources.gpu, which is 0 where a site wants --gres.
os.environ["MELABLATE_PROCESSES"] = str(PLAN.study.gpus)
# Where a corpus and its lists lie, and when too much of it is broken: what they hold is known by
# content, so a folder may be moved.
for corpus, place in PLAN.corpus_places().items():
    for name, value in place.items():
        os.environ[f"MELABLATE_{name}_{corpus}"] = value

for base in PLAN.given_bases:
    os.environ[f"MELABLATE_BASE_{base}"] = PLAN.base_folders[base]

for content, path in PLAN.starts.items():
    os.environ[f"MELABLATE_START_{content}"] = path

for folder in PLAN.study.given_folders():
    if not Path(folder).is_dir():
        known = asset_at(PLAN.study.fetch, folder)
        mend = (
            "`snakemake fetch` with this study gets it"
            if known
            else "put it there by hand"
        )
        logger.warning(f"{folder}: not there yet; {mend} (README.md, 'The real study')")

STUDY = f"results/{PLAN.study.study}"
RUN = f"{STUDY}/arms/{{row}}/seed-{{seed}}"
CEILINGS = FIXED_ROWS[1:]


envvars:
    "MELABLATE_SCRIPTS",
    "MELABLATE_PROCESSES",
    "MELABLATE_CHECKPOINT",
    "MELABLATE_SHARDS",
    "MELABLATE_WATCH",
    "MELABLATE_STUDY",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_DATASETS_OFFLINE",


wildcard_constraints:
    id="[0-9a-f]{12}",
    row="[a-z0-9][a-z0-9._-]*",
    seed="[0-9]+",


def assets_of_study():
    return needed(PLAN.study.fetch, PLAN.study.given_folders())


def lacking_assets():
    from melablate.fetch.missing import missing

    return missing(PLAN.study.fetch, assets_of_study()) or "nothing to fetch"


# All arms wait for such a job, so it comes before what scores alone wait for.
ON_THE_WAY_TO_ARMS = 10
CORPUS_PAGES = [f"results/corpus/{corpus}/report.html" for corpus in PLAN.corpora]


def signed(function):
    """Snakemake asks a dozen times a job for the parameters of each function: kept, they are at hand."""
    overwrite_function_params(function, signature(function).parameters)
    return function


# Its own for every resource of every job, by a method.
Resource.evaluate.__signature__ = signature(Resource.evaluate)


def by_row(function):
    """A function of a job's row alone, whatever its seed: worked out once."""
    known = {}

    def answer(wildcards):
        if wildcards.row not in known:
            known[wildcards.row] = function(wildcards)
        return known[wildcards.row]

    return signed(answer)


def growing(amount):
    """A resource that a try after a failure gets more of: twice, then three times as much."""

    def grown(wildcards, attempt):
        first = amount(wildcards) if callable(amount) else amount
        return first * min(attempt, 3)

    return signed(grown)


def manifest_of(corpus):
    return f"results/corpus/{corpus}/manifest.parquet"


def images_of(spectrograms):
    return f"results/spectrograms/{spectrograms}/images"


def latents_of(latents):
    return f"results/latents/{latents}/latents.safetensors"


# Of what the workflow makes itself, a list of checksums tells later stages what came out. What is
# given is known by its content, which is part of its identity: its times count for nothing.


def given_file(folder, file):
    """A file of a given folder; where it is not there, nothing that needs it runs.

    Snakemake itself would take the older results of that folder for sources, and go on from them.
    A forecast goes on without what is still to be fetched.
    """
    path, stand_ins = Path(folder, file), os.environ.get("MELABLATE_STAND_INS")
    if stand_ins and not os.path.isdir(folder):
        path = Path(stand_ins, identity(folder), file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if folder in PLAN.wrong:
        logger.error(f"{folder}: not what was promised, as said above")
    elif not path.exists():
        logger.error(
            f"{path} is not there: mend the path in the config, or get the file"
        )
    else:
        return str(path)
    sys.exit(1)


def base_of(base):
    """What a base's making is known by. One that is given need only be there, wherever that is."""
    folder = PLAN.base_folders[base]
    if base not in PLAN.given_bases:
        return f"{folder}/base.sha256"
    given_file(folder, "model_index.json")
    return []


def base_folder(base):
    """A word of the shell."""
    return given("BASE", base) if base in PLAN.given_bases else PLAN.base_folders[base]


def embedder_of(embedder):
    made = PLAN.study.embedder.kind == "tiny_clap"
    return f"results/models/{embedder}/embedder.{'sha256' if made else 'json'}"


def run_of(row, seed):
    return f"{STUDY}/arms/{row}/seed-{seed}"


def prompt_images():
    return images_of(PLAN.prompts().reads["images"])


def given(name, identity):
    """A word of the shell for what the environment knows of a corpus or a base."""
    return f'"$MELABLATE_{name}_{identity}"'


def audio_of(corpus):
    """What a manifest's paths are relative to."""
    return given("AUDIO", corpus)


def lists_of(corpus):
    return [
        f"--{name} {given(name.upper(), corpus)}" for name in PLAN.corpus_lists[corpus]
    ]


def music_input(wildcards):
    """A table that is given is part of the corpus' identity; it need only be there."""
    folder = PLAN.data_folders[wildcards.id]
    if PLAN.corpora[wildcards.id].reads["music"] in PLAN.music:
        return [f"{folder}/music.sha256"]
    for table in PLAN.corpus_tables[wildcards.id]:
        given_file(folder, table)
    return []


def embedder_corpora(wildcards):
    return list(PLAN.embedders[wildcards.id].reads.values())


def mel_inverse(codec):
    """What decoders load by its name; those of stereo have another where none is chosen."""
    method = codec.inversion.method or "multiplicative"
    return f"audio/mel_inverse/{method}.py"


def codec_code(codec, *parts):
    """The modules of a codec, which scripts load by its name."""
    return [f"audio/codecs/{codec.kind}/{part}.py" for part in ("settings", *parts)]


def images_code(script, images):
    """Code of a script that reads images."""
    return code_identity(script, codec_code(PLAN.codecs[images]))


def threads_of(stage):
    """Where threads are a setting: their number is a part of the result's bits."""
    return json.loads(stage.settings)["threads"]


def asked_slots():
    """What this run of Snakemake may take: GPUs if it was told, and cores or jobs."""
    told = workflow.resource_settings
    gpus = workflow.global_resources.get("gpu")
    slots = {"gpus": gpus and gpus.value, "jobs": told.nodes}
    slots["cores"] = None if told.nodes else told.cores
    return [f"--{name} {count}" for name, count in slots.items() if count]
