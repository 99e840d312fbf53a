#!/usr/bin/env bash
# Made by `make lock` from diffusion.in and data-packages.lock.txt (which says why); do not edit.
# Snakemake runs this in the new environment.
set -euo pipefail
python -m pip install --no-deps \
    open_clip_torch==3.3.0
