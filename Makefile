# Two commands do everything: `make run` and `make test`. README.md says what each target gives.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT := reports/out

.PHONY: run test lint prove bench report clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/run.stamp

$(VENV)/pcsc.stamp: $(VENV)/dev.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,pcsc]'
	touch $@

test: $(VENV)/dev.stamp
	@if .ci/system-packages.sh; then \
		$(MAKE) --no-print-directory $(VENV)/pcsc.stamp && $(BIN)/pytest -n 2 tests; \
	else \
		echo "Testing WITHOUT the tests that go through PC/SC: see above what they need."; \
		$(BIN)/pytest -n 2 -m 'not pcsc' tests; \
	fi

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(OUT) .cache
