PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
# Otherwise, threads of a training can share a core while other programs are busy, which
# makes it slower: see "Threads" on the page about speed.
ONE_CORE_PER_THREAD := OMP_PROC_BIND=true OMP_PLACES=cores

# Each test uses one thread, so several processes share the tests. There are four at most,
# because each uses about a gigabyte of memory.
PYTEST := python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

# Make must not build two targets at once: two runs of pip at the same time can break
# the environment.
.NOTPARALLEL:
.PHONY: help quickstart test test-oldest lint format docs docs-check dist-check images \
	bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quickstart: $(VENV)/.installed-plot ## Train a first model, print its report, save a figure
	MPLBACKEND=Agg $(ONE_CORE_PER_THREAD) $(BIN)/python examples/plot_quickstart.py --save

test: $(VENV)/.installed-test ## Run the tests and the examples in the docstrings
	$(BIN)/$(PYTEST)

test-oldest: $(OLDEST)/.installed ## Run the tests on the oldest supported versions
	$(OLDEST)/bin/$(PYTEST)

lint: $(VENV)/.installed-ruff ## Check style and format with ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/.installed-ruff ## Fix most problems that lint finds
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-docs ## Build the documentation in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going docs docs/_build/html

docs-check: $(VENV)/.installed-docs-check ## Check links and looks of the built documentation (needs Chromium)
	$(BIN)/python tools/check_docs.py docs/_build/html

dist-check: $(VENV)/.installed-dist ## Build the packages, install one elsewhere, run the quickstart
	$(BIN)/python tools/check_dist.py

images: $(VENV)/.installed-docs ## Draw the images of the README in docs/images
	$(BIN)/python tools/make_images.py

bench: $(VENV)/.installed-test ## Run the short form of the benchmarks
	$(BIN)/python benchmarks/speed.py --short

clean: ## Remove the files that `make docs` writes
	rm -rf docs/_build docs/auto_examples docs/generated

$(BIN)/python:
	@# An incomplete environment is removed: the next call would take it for complete.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Each extra has a stamp file, so that pip runs again only after the dependencies have
# changed.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[$*]'
	@touch $@

$(OLDEST)/.installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet -c constraints-oldest.txt \
		-e '.[test-oldest]'
	@touch $@

# To check the code, ruff is enough: the dependencies of the package are not installed.
$(VENV)/.installed-ruff: constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt ruff
	@touch $@
