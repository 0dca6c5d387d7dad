# Everything sets itself up: a virtual environment in .venv, with the versions in constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help install demo test fast lint types check bench calibrate soak mutate fuzz dist clean
.DEFAULT_GOAL := help

# Else each of a thousand processes of the tests compiles all that it imports, which takes it longer
# than what it is tested for: nothing is compiled at install.
unexport PYTHONDONTWRITEBYTECODE

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --target $(VENV)/mlflow \
	    -r tests/export/trackers/mlflow.txt
	@touch $@

install: $(VENV)/.installed  ## set the virtual environment up, which all others do by themselves

demo: $(VENV)/.installed  ## run the built-in study on the 8×8 digits, from nothing to an answer
	$(BIN)/sweep launch digits

# A file's tests stay together, and what they share is made once. Two processes more than there are
# cores: some wait for processes of their own, or for the compiler.
PYTEST = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder --durations 25 --maxprocesses 6 \
    -n $$(($$($(BIN)/python -c 'import os; print(os.cpu_count())') + 2))

test: $(VENV)/.installed  ## run all tests
	$(PYTEST)

fast: $(VENV)/.installed  ## run the tests but those that take long
	$(PYTEST) -m "not slow"

lint: $(VENV)/.installed  ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed  ## check types, strictly
	rm -rf build/types && mkdir -p build/types/normsweep
	ln -sfn $(CURDIR)/sweep/* $(CURDIR)/models $(CURDIR)/objectives build/types/normsweep/
	MYPYPATH=build/types $(BIN)/mypy --strict -p normsweep

check: lint types test  ## all of it

bench: $(VENV)/.installed  ## measure what the project promises (PyTorch as a peer where installed)
	$(BIN)/python -m bench

calibrate: $(VENV)/.installed  ## measure whether verdicts mean what they say, on studies of known truth
	$(BIN)/python -m bench.calibration --null 200 --effect 50

soak: $(VENV)/.installed  ## kill workers for an hour, where `test` kills ten, and count what is lost
	$(BIN)/python -m bench.soak

# In the background of a day, and not in CI: what is stopped goes on.
mutate: $(VENV)/.installed  ## change objectives/ and models/ line by line, and count what tests notice
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[mutate]'
	nice $(BIN)/python -m bench.mutation $(FILES)

fuzz: $(VENV)/.installed  ## try 10,000 specs, texts, images, databases and URLs that nobody would write
	SWEEP_FUZZ=$${SWEEP_FUZZ:-10000} $(BIN)/python -m pytest -q -n auto tests/test_fuzz.py

dist: $(VENV)/.installed  ## build the sdist and, from it, the wheel; check what they say of themselves
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dist]'
	rm -rf dist build
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
