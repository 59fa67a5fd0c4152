# Two commands set everything up on a fresh machine: `make report` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: report test lint types bench gallery clean

report: $(VENV)/.installed
	$(BIN)/curves demo -o report

test: $(VENV)/.installed-dev
	$(BIN)/pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# Ours beside its peers, each in an environment of its own (.venv-peers, made here); then what has no peers.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.visualization
	$(BIN)/python -m benchmarks.anatomy
	$(BIN)/python -m benchmarks.precision
	$(BIN)/python -m benchmarks.mechanisms
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.scaling

# The figures of docs/gallery.md but those that need human labels. GALLERY_NET must give class probabilities for artificial-accuracy.
GALLERY_NET ?= bvlc_googlenet
gallery: $(VENV)/.installed
	@mkdir -p docs/gallery
	set -e; for name in $$($(BIN)/curves figure --list --json | $(BIN)/python -c \
	"import json, sys; print(*(figure['name'] for figure in json.load(sys.stdin) if not figure['labelled']))"); do \
	$(BIN)/curves figure $$name $(GALLERY_NET) -o docs/gallery/$$name.png; done

# The environment is made when it is not there, and brought up to date when pyproject.toml changes.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing curve-circuits into $(VENV); torch alone takes a minute or two ..."
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .venv-peers report build *.egg-info
