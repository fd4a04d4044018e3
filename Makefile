# The commands everyone relies on. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.ready
SYSTEM := $(VENV)/.system-ready
INTEROP := .venv-interop
PORTAL := src/kerege/portal
CSS := $(PORTAL)/static/portal/portal.css
MESSAGES := $(PORTAL)/translations.json
CATALOGUES := $(shell find src -name '*.po')
SITE := $(CSS) $(MESSAGES)
ONLY ?=
SCALE ?= small

.PHONY: help setup demo demo-check test fast check fix docs bench clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(SETUP) $(SITE) ## Create .venv with the pinned dependencies

$(SETUP): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(SYSTEM): deploy/debian-packages.txt | $(SETUP)
	scripts/install-debian-packages deploy/debian-packages.txt
	@touch $@

$(CSS): scripts/build-portal-css $(wildcard $(PORTAL)/scss/*)
	scripts/install-debian-packages deploy/build-packages.txt
	scripts/build-portal-css

$(MESSAGES): scripts/compile-translations $(CATALOGUES)
	scripts/install-debian-packages deploy/build-packages.txt
	scripts/compile-translations

$(INTEROP): requirements/interop.txt
	$(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/interop.txt
	@touch $@

demo: $(SETUP) $(SITE) ## Start a whole X-Road instance on this machine and watch messages pass
	$(BIN)/kerege demo

demo-check: $(SETUP) $(SITE) ## The same without a person: start, exercise, verify, stop
	$(BIN)/kerege demo --check

test: $(SETUP) $(SITE) $(SYSTEM) $(INTEROP) ## All tests, SQLite and PostgreSQL
	$(BIN)/python -m pytest
	$(BIN)/python -m tests.portal_on_postgres

fast: $(SETUP) $(SITE) ## The inner loop: everything that needs no server and no patience
	$(BIN)/python -m pytest -m "not slow and not postgres and not browser"

check: $(SETUP) $(SITE) ## Formatting, lint, types, layers, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_sizes.py
	$(BIN)/python scripts/check_docs.py
	$(BIN)/python scripts/check_translations.py

fix: $(SETUP) ## Format and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(SETUP) $(SITE) ## Benchmarks: a table and bench/results.json (ONLY=prefix, SCALE=small|full)
	$(BIN)/python -m bench --scale $(SCALE) --only "$(ONLY)"

clean: ## Remove what the targets above made
	rm -rf $(VENV) $(INTEROP) $(SITE) .cache/portal-css var/screenshots .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src -name '*.mo' -delete
