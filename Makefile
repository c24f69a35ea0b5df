PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: setup test lint types test-slow quality bench fuzz clean

setup: $(VENV)/.ready

# torch first and by number: elsewhere a plain `torch` brings gigabytes of CUDA.
$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable ".[train,evaluate,explore,heic,raw,dask,web,dev]"
	touch $@

test: lint types
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks

types: setup
	$(BIN)/mypy

test-slow: setup
	$(BIN)/pytest -m slow

# Needs the data: make quality KODAK=folder BRACKETS=folder
quality: setup
	$(BIN)/python benchmarks/quality.py --kodak $(KODAK) --brackets $(BRACKETS)

bench: setup
	$(BIN)/python benchmarks/speed.py --tools --batch 40 --plot docs/speed.png

fuzz: setup
	$(BIN)/python benchmarks/fuzz.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
