#!/usr/bin/env bash
# Made by `make lock` from audio.in and data-packages.lock.txt (which says why); do not edit.
# Snakemake runs this in the new environment.
set -euo pipefail
python -m pip install --no-deps \
    tinysoundfont==0.3.7 \
    pretty_midi==0.2.11
