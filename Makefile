PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
COVERAGE = 94

ORT_WEB = 1.30.0

.PHONY: setup test lint types coverage test-slow onnxruntime-web docs hooks wheel quality bench fuzz clean

setup: $(VENV)/.ready

# torch first and by number: elsewhere a plain `torch` brings gigabytes of CUDA.
$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable ".[train,evaluate,explore,heic,raw,video,dask,web,docs,dev]"
	touch $@

test: lint types
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks

types: setup
	$(BIN)/mypy

# The share of statements and branches that the fast tests run must not fall.
coverage: setup
	$(BIN)/pytest --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE)

# What `midtone page` and its tests need, from npm.
onnxruntime-web: build/onnxruntime-web-$(ORT_WEB).tgz

build/onnxruntime-web-$(ORT_WEB).tgz:
	mkdir -p build
	npm pack --silent --pack-destination build onnxruntime-web@$(ORT_WEB)

# Guides and API reference into build/site; warnings are errors.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

hooks: setup
	$(BIN)/pre-commit install

# The distributions, and the wheel installed elsewhere.
wheel: setup
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv --clear .venv-wheel
	.venv-wheel/bin/pip install --quiet dist/*.whl
	.venv-wheel/bin/midtone --version
	.venv-wheel/bin/midtone fix examples/dark.jpg -o .venv-wheel/fixed.jpg

test-slow: setup
	$(BIN)/pytest -m slow

# Needs the data: make quality DATA=folder PHOTOS=folder
quality: setup
	$(BIN)/python benchmarks/quality.py --data $(DATA) --photos $(PHOTOS) --model $(or $(MODEL),default)

bench: setup
	$(BIN)/python benchmarks/speed.py --goals --tools --batch 40 --plot docs/speed.png

fuzz: setup
	$(BIN)/python benchmarks/fuzz.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
