# Everything a newcomer needs: `make demo` shows the product, `make test` proves the project.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
FUZZ_SECONDS ?= 300
BENCH  ?=
# Where pip finds torch without CUDA packages, for machines on which the default index has only the large build:
#   make setup TORCH_INDEX=URL
TORCH_INDEX ?=
INDEX  := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

# Many tests start processes of their own: these read what the first of them has compiled, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench docs fuzz clean

help: ## show this text
	@echo 'make TARGET, where TARGET is one of'
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1|\2/' | awk -F'|' '{printf "%-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv and install Vouch in it, with the tested versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed; try make PYTHON=python3.11'; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(INDEX) --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip check
	@touch $@

demo: setup ## fit on embedded sample data, offline, and name the report
	$(BIN)/vouch demo

test: lint ## lint, then every test and docstring example, with the coverage gate
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered

lint: setup ## format, style, types, directions of import
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: setup ## measure the figures in benchmarks/RESULTS.md (BENCH=NAME for one of them)
	$(BIN)/python -m benchmarks $(BENCH)

docs: setup ## build the documentation into site/
	$(BIN)/python -m pip install --quiet $(INDEX) --constraint constraints.txt --editable '.[docs]'
	$(BIN)/mkdocs build --strict

fuzz: setup ## feed random files to the readers (FUZZ_SECONDS=300)
	VOUCH_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest tests/fuzz --no-cov -p no:xdist --timeout=0

clean: ## remove what was built, but not .venv
	rm -rf build dist site .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
