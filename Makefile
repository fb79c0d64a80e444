# Two commands from a bare clone: `make demo` and `make test`. Both need Python 3.11 or newer and a package registry.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint types bench clean

$(BIN)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[test,dev]"
	touch $@

demo: $(BIN)/.installed
	$(BIN)/iceqream demo

test: $(BIN)/.installed
	$(BIN)/python -m pytest

lint: $(BIN)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.installed
	$(BIN)/mypy

bench: $(BIN)/.installed
	$(BIN)/python benchmarks/energies.py

clean:
	rm -rf $(VENV) demo_output dist
