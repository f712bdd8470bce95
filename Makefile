PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Two installs into one environment at once would break each other.
.NOTPARALLEL:
.PHONY: help quickstart test lint format docs bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quickstart: $(VENV)/.installed-plot ## Train and show a first model
	MPLBACKEND=Agg $(BIN)/python examples/plot_quickstart.py

test: $(VENV)/.installed-test ## Run the tests and the docstrings' examples
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-ruff ## Check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/.installed-ruff ## Mend what lint finds, where it can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-docs ## Build the documentation in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going docs docs/_build/html

bench: $(VENV)/.installed-test ## Run the short form of the benchmarks
	$(BIN)/python benchmarks/speed.py --short

clean: ## Remove what the documentation's build leaves
	rm -rf docs/_build docs/auto_examples docs/generated docs/sg_execution_times.rst

$(BIN)/python:
	@# Half an environment would look like a whole one to the next call.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# A stamp for each extra, so that only a change of the dependencies installs again.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[$*]'
	@touch $@

# Reading the code takes ruff alone, not everything that running it does.
$(VENV)/.installed-ruff: constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt ruff
	@touch $@
