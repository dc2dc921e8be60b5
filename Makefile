# Two commands for a newcomer: `make run` and `make test`. Everything they need is set up in .venv, from the lock file.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ASK    ?=
# As it was typed: a dollar sign in a question is no variable of make's.
override ASK := $(value ASK)
export ASK

.DEFAULT_GOAL := help
.PHONY: help run test test-full check bench lock schema clean

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

$(VENV)/.run-ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "agentd needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 " )'
	@echo "setting up $(VENV) (once) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q proto clients daemon
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.run-ready requirements-dev.lock
	@echo "adding the tools for tests and checks (once) ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.run-ready    ## set up, start the daemon, ask it about this repository (ASK="..." asks something else)
	@$(BIN)/python -m agentctl.firstrun

test: $(VENV)/.dev-ready   ## the tests that CI and a stranger run (under 15 minutes)
	@$(BIN)/python -m pytest -q -m "not full"

test-full: $(VENV)/.dev-ready   ## the long forms too
	@AGENTD_TEST_FULL=1 $(BIN)/python -m pytest -q --timeout 3600

check: $(VENV)/.dev-ready  ## ruff, mypy strict, import-linter
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev-ready  ## figures against the promises, as ratios in one run
	@$(BIN)/python -m tests.bench

schema: $(VENV)/.run-ready ## make the JSON Schema of the wire anew
	@$(BIN)/python -m agentproto.schema > proto/schema/agentd-v1.json

lock:            ## make the lock files anew (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group pyproject.toml:build pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group pyproject.toml:build --group pyproject.toml:dev pyproject.toml -o requirements-dev.lock

clean:           ## remove the virtual environment and what was built
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
