# Everything starts here: `make demo` shows the bot at work, `make test` runs every check.
# `make help` lists the rest. UV=1 uses uv instead of venv and pip; PYTHON=... names the interpreter.

VENV := .venv
BIN  := $(VENV)/bin

# The first interpreter that really runs and is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

ifdef UV
INSTALL = uv pip install --quiet --python $(BIN)/python
else
# The environment's own pip; where ensurepip is missing (Debian without python3-venv), one from outside.
INSTALL = $(shell if $(BIN)/python -m pip --version >/dev/null 2>&1; then echo $(BIN)/python -m pip; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then echo $(PYTHON) -m pip --python $(BIN)/python; \
	else echo pip --python $(BIN)/python; fi) install -qq --disable-pip-version-check
endif

# Clients of the exchanges that others wrote. Some share module names, so each has an environment of its own.
FIDELITY := .fidelity
PEERS := .peers
RIVALS := $(basename $(notdir $(wildcard bench/peers/*.in)))
CLIENTS := $(basename $(notdir $(wildcard tests/fidelity/clients/*.in)))

# An editable install has no hash, so the project follows its locked dependencies, among them its build backend.
INSTALL_PROJECT = $(INSTALL) --no-deps --no-build-isolation --editable .

# Hundreds of processes start here: each would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: demo alerts dask test lint simulate crash bench peers fidelity fidelity-setup lock docs help clean

demo: $(VENV)/.run ## watch it work: no key, no network
	@$(BIN)/hedgerow demo

alerts: $(VENV)/.run ## what messages to you need (apprise)
	@$(INSTALL) --require-hashes --requirement requirements-alerts.lock

dask: $(VENV)/.run ## what `sweep --scheduler` needs (Dask)
	@$(INSTALL) --require-hashes --requirement requirements-dask.lock

test: lint ## every check that can run here: lint, then all tests
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev ## ruff, mypy --strict, and the import rules between floors
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

simulate: $(VENV)/.dev ## seeded runs with faults and kills (RUNS=500: fewer)
	@$(BIN)/python tests/simulation/simulate.py $(if $(RUNS),--runs $(RUNS))

crash: $(VENV)/.dev ## kill it at every place, and a daemon a hundred times
	@$(BIN)/python tests/crash/crash.py

bench: $(VENV)/.dev ## speed and size as ratios, measured on this machine
	@$(BIN)/python bench/run.py

peers: $(RIVALS:%=$(PEERS)/%/.made) ## environments of the programs that `make bench` meets

fidelity-setup: $(CLIENTS:%=$(FIDELITY)/%/.made) ## an environment for each client of `make fidelity`

fidelity: $(VENV)/.dev fidelity-setup ## the testnet under clients that others wrote
	@HEDGEROW_FIDELITY=all $(BIN)/python -m pytest tests/fidelity

lock: ## resolve all locks anew (needs uv)
	@printf 'setuptools>=80\n' | $(LOCK) pyproject.toml - --output-file requirements.lock
	@printf 'setuptools>=80\n' | $(LOCK) pyproject.toml - --extra alerts --constraint requirements.lock \
		--output-file requirements-alerts.lock
	@printf 'setuptools>=80\n' | $(LOCK) pyproject.toml - --extra dask --constraint requirements.lock \
		--output-file requirements-dask.lock
	@printf 'setuptools>=80\n' | $(LOCK) pyproject.toml - --extra alerts --extra dev \
		--constraint requirements-alerts.lock --constraint requirements-dask.lock --output-file requirements-dev.lock
	@for client in $(CLIENTS); do $(LOCK) --python-version 3.11 --constraint requirements.lock \
		tests/fidelity/clients/$$client.in --output-file tests/fidelity/clients/$$client.lock || exit 1; done
	@for rival in $(RIVALS); do $(LOCK) --python-version 3.11 \
		bench/peers/$$rival.in --output-file bench/peers/$$rival.lock || exit 1; done
LOCK = uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate

docs: $(VENV)/.run ## write the generated pages, and draw the pictures
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/generate_events.py
	@$(BIN)/python docs/generate_plan.py
	@$(BIN)/python docs/generate_venues.py
	@$(BIN)/python docs/generate_faults.py
	@$(BIN)/python docs/generate_history.py
	@$(BIN)/python docs/draw_concepts.py
	@$(BIN)/python docs/draw_tuning.py
	@$(BIN)/python docs/draw_report.py
	@$(BIN)/python docs/draw.py

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

clean: ## remove the environment, caches and what a demo left
	@rm -rf $(VENV) $(FIDELITY) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find bot tests bench docs -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a second make finds nothing to do. A failed or interrupted step leaves none, and starts over.
$(VENV)/.made:
	$(MAKE_ENVIRONMENT)
	@touch $@

ifdef UV
define MAKE_ENVIRONMENT
@echo "making $(@D) with uv" >&2
@uv venv --quiet --clear $(@D)
endef
else
define MAKE_ENVIRONMENT
@test -n "$(PYTHON)" || { echo "hedgerow needs Python 3.11 or newer, and found none: make PYTHON=/path/to/python3.11"; exit 1; }
@echo "making $(@D) with $(PYTHON)" >&2
@rm -rf $(@D)
@$(PYTHON) -m venv $(@D) >/dev/null 2>&1 || { rm -rf $(@D); $(PYTHON) -m venv --without-pip $(@D); }
endef
endif

$(VENV)/.run: $(VENV)/.made requirements.lock pyproject.toml
	@echo "installing requirements.lock" >&2
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL_PROJECT)
	@touch $@

# The dev lock contains the run lock, so this serves `demo` too.
$(VENV)/.dev: $(VENV)/.made requirements-dev.lock pyproject.toml
	@echo "installing requirements-dev.lock" >&2
	@$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@$(INSTALL_PROJECT)
	@touch $(VENV)/.run $@

# A client's environment is made anew when its lock changes: nothing of an older version stays behind.
$(PEERS)/%/.made: BIN = $(@D)/bin
$(PEERS)/%/.made: bench/peers/%.lock
	$(MAKE_ENVIRONMENT)
	@$(INSTALL) --require-hashes --requirement $<
	@touch $@

$(FIDELITY)/%/.made: BIN = $(@D)/bin
$(FIDELITY)/%/.made: tests/fidelity/clients/%.lock
	$(MAKE_ENVIRONMENT)
	@$(INSTALL) --require-hashes --requirement $<
	@touch $@
