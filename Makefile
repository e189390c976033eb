# The two commands that matter: `make demo` (the main job) and `make test` (everything it needs, by itself).
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Onward is started hundreds of times in tests: it is compiled once.
unexport PYTHONDONTWRITEBYTECODE

PYTEST_WORKERS ?= 2

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

demo: ## Rehearse a fast-forward upgrade of a real Keystone, on embedded SQLite
	@uv=$$(scripts/bootstrap.sh | tail -1)
	"$$uv" sync --quiet --no-dev --locked
	.venv/bin/onward rehearse --demo --report-dir onward-demo

test: ## The whole test suite, with style, types, layers and documentation
	@uv=$$(scripts/bootstrap.sh test | tail -1)
	"$$uv" sync --quiet --locked --all-groups
	$(MAKE) --no-print-directory lint
	"$$uv" run --no-sync pytest -n $(PYTEST_WORKERS) --dist worksteal -m "not full"

test-full: ## Also what takes long or needs old interpreters
	@uv=$$(scripts/bootstrap.sh test | tail -1)
	"$$uv" sync --quiet --locked --all-groups
	"$$uv" run --no-sync pytest -n $(PYTEST_WORKERS) --dist worksteal --timeout 3600

lint: ## Style, types and layers
	@.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: ## The documentation, into docs/_build/html
	@uv=$$(scripts/bootstrap.sh | tail -1)
	"$$uv" sync --quiet --locked --all-groups
	.venv/bin/sphinx-build --fail-on-warning --keep-going -q docs docs/_build/html

bench: ## Measurements, side by side in one run
	@uv=$$(scripts/bootstrap.sh test | tail -1)
	"$$uv" sync --quiet --locked --all-groups
	for bench in bench/*.py; do .venv/bin/python "$$bench"; done

clean: ## Remove what can be made again
	rm -rf .venv .tools docs/_build onward-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help demo test test-full lint docs bench clean
