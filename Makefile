# make bench   measures this machine with the profile `quick` and prints the table
# make test    runs every check there is
# make experiment NAME=scale   repeats a measurement that the documents quote; `ls experiments` lists them
# PYTHON=python3.13 chooses the Python that .venv is made with. TESTS=2 runs two files of tests at a time.

PYTHON ?= python3
TESTS ?= 3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

.PHONY: help bench test check format experiment requirements screenshots clean

help:
	@sed -n 's/^# \(make\|PYTHON\)/\1/p' Makefile

bench: .venv/.run
	$(BIN)/bench run --profile quick

# Three files of tests at a time, though there may be two processors: most tests wait for servers and loads. A test that
# hangs ends its process, which is not restarted: it would begin the same test again.
test: .venv/.dev check
	$(BIN)/pytest -q -n $(TESTS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

check: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Not a check: repeats a measurement that the documents quote. The first lines of each file say what it shows and how long it takes.
experiment: .venv/.dev
	$(BIN)/python -m experiments.$(NAME) $(FILES)

# Not a check: shows what readers see on GitHub and on the site, light and dark, phone and desktop, in results/screenshots.
screenshots: .venv/.dev
	$(BIN)/python -m tests.report.screenshots

requirements: .venv/.dev
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv results .mypy_cache .ruff_cache .pytest_cache

# The interpreter is checked first: an older one fails much later, with a message about a missing wheel.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.run: .venv/bin/python requirements.txt pyproject.toml
	@echo "Installing into .venv (once) ..."
	$(PIP) --require-hashes -r requirements.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/bin/python requirements-dev.txt pyproject.toml
	@echo "Installing into .venv, with the tools for the checks (once) ..."
	$(PIP) --require-hashes -r requirements-dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ .venv/.run
