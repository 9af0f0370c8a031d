# Two commands do everything: `make run` and `make test`. README.md says what each target gives.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT := reports/out
# Typical eUICCs besides the simulated one's defaults: a declaration and settings of the same name.
CARDS := $(basename $(notdir $(wildcard vectors/declarations/settings/*.yaml)))
CACHE := .cache
# Of `make test`: many tests wait for other processes, so two more than the cores of a small machine.
WORKERS ?= 4

.PHONY: run test exhaustive lint prove coverage reference bench report release versions docs clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[smdp,report,workers]'
	touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/run.stamp

$(VENV)/pcsc.stamp: $(VENV)/dev.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,pcsc]'
	touch $@

test: $(VENV)/dev.stamp
	@if .ci/system-packages.sh; then \
		$(MAKE) --no-print-directory $(VENV)/pcsc.stamp && $(BIN)/pytest -n $(WORKERS) --dist worksteal tests; \
	else \
		echo "Testing WITHOUT the tests that go through PC/SC: see above what they need."; \
		$(BIN)/pytest -n $(WORKERS) --dist worksteal -m 'not pcsc and not exhaustive' tests; \
	fi

exhaustive: $(VENV)/dev.stamp
	@if .ci/system-packages.sh; then \
		$(MAKE) --no-print-directory $(VENV)/pcsc.stamp && $(BIN)/pytest -n 2 -m exhaustive tests; \
	else \
		echo "Testing WITHOUT PC/SC: see above what it needs."; $(BIN)/pytest -n 2 -m 'exhaustive and not pcsc' tests; \
	fi

run: $(VENV)/run.stamp
	rm -rf $(OUT)/allure-results
	@failed=; \
	$(BIN)/pytest suites -n 2 --alluredir $(OUT)/allure-results --euicc-report $(OUT) || failed=simulated; \
	for name in $(CARDS); do \
		folder=$(OUT)/declarations/$$name; mkdir -p $$folder; \
		$(BIN)/pytest suites --ignore suites/test_es9plus.py --ignore suites/test_lpad.py -n 2 -q --no-header --tb=short --euicc sim:vectors/declarations/settings/$$name.yaml \
			--euicc-declaration vectors/declarations/$$name.yaml --euicc-report $$folder >$$folder/pytest.txt 2>&1 \
			|| { failed="$$failed $$name"; sed -n '/^=* FAILURES\|^=* ERRORS/,$$p' $$folder/pytest.txt; }; \
		echo "$$name: $$(tail -n 1 $$folder/pytest.txt)"; \
	done; \
	echo "Summary page: $(OUT)/summary.html    Allure results: $(OUT)/allure-results    Allure page: make report"; \
	echo "Other eUICCs: $(OUT)/declarations/*/summary.html"; \
	[ -z "$$failed" ] || { echo "Not conforming:$$failed"; exit 1; }

report: $(CACHE)/allure.stamp
	@[ -d $(OUT)/allure-results ] || { echo "There are no results yet: make run first."; exit 1; }
	EUICC_ALLURE_RESULTS=$(OUT)/allure-results EUICC_ALLURE_REPORT=$(OUT)/allure-report EUICC_ALLURE_HISTORY=$(OUT)/allure-history.jsonl \
		$(CACHE)/node_modules/.bin/allure generate $(OUT)/allure-results --config reports/allurerc.mjs
	$(BIN)/python reports/strip_analytics.py $(OUT)/allure-report/index.html
	@echo "Allure page: $(OUT)/allure-report/index.html (one file; open it by a double click)"

$(CACHE)/allure.stamp:
	npm install --silent --no-fund --no-audit --prefix $(CACHE) allure@3
	touch $@

prove: $(VENV)/run.stamp
	$(BIN)/pytest-euicc prove --enough --out $(OUT)

coverage: $(VENV)/run.stamp
	$(BIN)/pytest-euicc coverage > docs/reference/coverage.md
	$(BIN)/pytest-euicc coverage --standing > docs/reference/standing.md

reference: $(VENV)/run.stamp
	$(BIN)/python -m pytest_euicc.reporting.reference docs/reference

$(VENV)/docs.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

docs: $(VENV)/docs.stamp
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@$(BIN)/python reports/check_site.py $(OUT)/site
	@echo "Documentation: $(OUT)/site/index.html (opens by a double click, needs no network)"

bench: $(VENV)/run.stamp
	$(BIN)/python -m benchmarks

# SECONDS=600: as long; without it 10^6 APDUs, 10^5 HTTP answers and 2,000 power cuts.
soak: $(VENV)/run.stamp
	$(BIN)/python -m benchmarks.soak $(SECONDS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest-euicc lint

$(VENV)/release.stamp: $(VENV)/dev.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,release]'
	touch $@

# Everything up to the upload, of a tagged commit; RELEASE=--any builds and checks whatever is committed.
release: $(VENV)/release.stamp
	$(BIN)/python -m release $(RELEASE)

versions: $(VENV)/dev.stamp
	PYTHONS="$(PYTHONS)" $(BIN)/nox

clean:
	rm -rf $(OUT) $(CACHE)
