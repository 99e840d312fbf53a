# The commands of the README; `make` alone lists them. They work from any folder, also one with
# a space in its name, and with or without an active venv: .venv/bin comes first in PATH here.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env demo demo-full table doctor lint format test test-full test-cluster test-cluster-full docs
.PHONY: lock containers clean

# Which Python makes .venv; without it the first working one of 3.11, 3.12, 3.13.
PYTHON ?=
# Which study `make table` prints.
STUDY ?= demo
# What `make doctor` looks at, and by which profile it would run.
CONFIG ?= config/config.yaml
PROFILE ?= profiles/local

export PYTHON
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Nothing from outside may shadow the pinned packages.
export PYTHONNOUSERSITE := 1
export PIP_USER := 0
unexport PYTHONPATH PYTHONHOME

SNAKEMAKE := .venv/bin/snakemake --profile profiles/local
CODE := scripts tests envs benchmarks
RULES := Snakefile rules

help: ## list these targets
	@echo "Melablate: make <target>"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

env: ## make .venv from the locks (every target below does so first)
	@sh envs/make_env.sh

demo: env ## run the embedded study, print its table, say where the report is
	@$(SNAKEMAKE) --configfile config/demo.yaml
	@.venv/bin/python scripts/show_table.py results/demo

demo-full: env ## the same with every row that the tiny base can take
	@$(SNAKEMAKE) --configfile config/demo.yaml config/demo-full.yaml
	@.venv/bin/python scripts/show_table.py results/demo

table: env ## print the table of a finished study again (STUDY=demo)
	@.venv/bin/python scripts/show_table.py "results/$(STUDY)"

doctor: env ## look for what would stop a study (CONFIG=config/config.yaml PROFILE=profiles/local)
	@.venv/bin/snakemake doctor --profile $(PROFILE) --configfile $(CONFIG)

lint: env ## check style, types, rules and that generated files are current
	.venv/bin/ruff check $(CODE)
	.venv/bin/ruff format --check $(CODE)
	.venv/bin/mypy
	.venv/bin/snakefmt --check $(RULES)
	.venv/bin/snakemake --lint
	.venv/bin/python envs/make_kinds.py --check
	.venv/bin/python scripts/write_schema.py --check

format: env ## rewrite code and rules in the house's format
	.venv/bin/ruff check --fix $(CODE)
	.venv/bin/ruff format $(CODE)
	.venv/bin/snakefmt $(RULES)

test: env ## run the tests that need seconds, and those of the workflow
	.venv/bin/python -m pytest -m "not slow and not cluster"

test-full: env ## run all tests but those on Slurm, those that need minutes too
	.venv/bin/python -m pytest -m "not cluster"

test-cluster: env ## bring up a Slurm here (root, Debian or Ubuntu) and run the workflow on it
	MELABLATE_NEEDS_SLURM=1 .venv/bin/python -m pytest tests/cluster -m "not slow" --durations=0 $(AGAIN)

test-cluster-full: env ## the same with all faults of clusters
	MELABLATE_NEEDS_SLURM=1 .venv/bin/python -m pytest tests/cluster --durations=0

docs: env ## write config/schema.json and docs/config.md from the config model
	.venv/bin/python scripts/write_schema.py

lock: ## resolve envs/*.in anew with pip, and write the locks, each kind's too, and conda files
	@sh envs/lock.sh

containers: ## write recipes for Apptainer and Docker (INDEX=… for another build of torch)
	@python3 envs/make_containers.py --index "$(INDEX)"

clean: ## remove .venv and the tools' caches; results stay
	rm -rf .venv .venv.lock .venv.old .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find scripts tests envs -name __pycache__ -type d -prune -exec rm -rf {} +
