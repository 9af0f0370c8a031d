# Two commands do everything: `make run` and `make test`. README.md says what each target gives.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT := reports/out
SYSTEM_PACKAGES := pcscd vsmartcard-vpcd swig libpcsclite-dev pkg-config gcc

.PHONY: run test lint prove bench report clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/run.stamp

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(OUT) .cache
