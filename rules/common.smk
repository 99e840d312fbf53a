# What the stages share: the plan of the study, and the identity of code.
# Parsed again in every job, so nothing heavy is imported here.
import sys
from pathlib import Path

PROJECT = Path(str(workflow.current_basedir)).parent
SCRIPTS = PROJECT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from melablate.config_errors import ConfigError
from melablate.config import FIXED_ROWS
from melablate.identity import canonical, code_identity, identity
from melablate.plan import make_plan
from snakemake.exceptions import WorkflowError

try:
    PLAN = make_plan(config, " + ".join(map(str, workflow.configfiles)) or "config")
except ConfigError as error:
    raise WorkflowError(str(error)) from None

STUDY = f"results/{PLAN.study.study}"
RUN = f"{STUDY}/arms/{{row}}/seed-{{seed}}"
CEILINGS = FIXED_ROWS[1:]


wildcard_constraints:
    id="[0-9a-f]{12}",
    row="[a-z0-9][a-z0-9._-]*",
    seed="[0-9]+",


def manifest_of(corpus):
    return f"results/corpus/{corpus}/manifest.parquet"


def images_of(spectrograms):
    return f"results/spectrograms/{spectrograms}/images.parquet"


def latents_of(latents):
    return f"results/latents/{latents}/latents.safetensors"


def base_of(base):
    return f"{PLAN.base_folders[base]}/model_index.json"


def embedder_of(embedder):
    return f"results/models/{embedder}/embedder.json"


def run_of(row, seed):
    return f"{STUDY}/arms/{row}/seed-{seed}"


def prompt_images():
    return images_of(PLAN.prompts().reads["images"])
