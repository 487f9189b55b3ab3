# make bench   measures this machine with the profile `quick` and prints the table
# make test    runs every check there is
# PYTHON=python3.13 chooses the Python that .venv is made with.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

.PHONY: help bench test check format setups starts-and-sockets few-users overhead scale three-hosts stalls long-history fuzz-config repository-size site-budget rule-picture race fuzz-records verdict-replay diagnose-tries compare-tries requirements screenshots clean

help:
	@sed -n 's/^# \(make\|PYTHON\)/\1/p' Makefile

bench: .venv/.run
	$(BIN)/bench run --profile quick

# Four files of tests at a time, though there may be two processors: most tests wait for servers and loads. One that
# hangs ends its process, which is not restarted: it would begin the same test again.
test: .venv/.dev check
	$(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

check: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Not a check: runs 30 random set-ups, which takes five minutes, and prints how near the predictions came.
setups: .venv/.dev
	$(BIN)/python -m tests.benchmarks.random_setups

# Not a check: shows what spread starts, and a socket for each worker, do to figures; takes twelve minutes.
starts-and-sockets: .venv/.dev
	$(BIN)/python -m tests.benchmarks.starts_and_sockets

# Not a check: shows how few users are dealt to the workers, and what that does to what computes; a minute and a half.
few-users: .venv/.dev
	$(BIN)/python -m tests.benchmarks.few_users

# Not a check: shows how far one load generator goes: 10,000 users, its excess, its cost per request; ten minutes.
scale: .venv/.dev
	$(BIN)/python -m tests.benchmarks.scale

# Not a check: shows what the harness itself adds to a latency, next to stock Locust; takes nine minutes.
overhead: .venv/.dev
	$(BIN)/python -m tests.benchmarks.overhead

# Not a check: shows that two load machines measure what one does, on network namespaces; takes five minutes.
three-hosts: .venv/.dev
	$(BIN)/python -m tests.benchmarks.three_hosts

# Not a check: loads a server that stalls, by users who wait and at a fixed rate, which takes four minutes.
stalls: .venv/.dev
	$(BIN)/python -m tests.benchmarks.stalls

# Not a check: renders a history of 10,000 runs and prints how long that takes.
long-history: .venv/.dev
	$(BIN)/python -m tests.benchmarks.long_history

# Not a check: gives bench 5,000 configurations that are wrong somewhere, and prints which it does not refuse in one line.
fuzz-config: .venv/.dev
	$(BIN)/python -m tests.benchmarks.fuzz_config

# Not a check: publishes five years of weekly runs and prints how large the repository is then; takes some minutes.
repository-size: .venv/.dev
	$(BIN)/python -m tests.benchmarks.repository_size

# Not a check: builds the site of 500 runs and prints how long it takes, to build and to open.
site-budget: .venv/.dev
	$(BIN)/python -m tests.benchmarks.site_budget

# Not a check: shows what readers see on GitHub and on the site, light and dark, phone and desktop, in results/screenshots.
screenshots: .venv/.dev
	$(BIN)/python -m tests.show.screenshots

# Not a check: draws the picture of docs/judging.md.
rule-picture: .venv/.dev
	$(BIN)/python -m tests.benchmarks.rule_picture

# Not a check: prints how long 20 clones take that publish to one origin at once.
race: .venv/.dev
	$(BIN)/python -m tests.benchmarks.publish_race

# Not a check: publishes 5,000 changed records next to honest ones and prints how many are refused; some hours.
fuzz-records: .venv/.dev
	$(BIN)/python -m tests.benchmarks.fuzz_records

# Not a check: prints how often verdicts are false alarms, and what they find, on the noise of real runners.
verdict-replay: .venv/.dev
	$(BIN)/python -m tests.benchmarks.verdict_replay

# Not a check either: how often `bench diagnose` is right, some 80 minutes for 20 tries of each case.
diagnose-tries: .venv/.dev
	$(BIN)/python -m tests.benchmarks.diagnose_tries

# Not a check: prints how often `bench compare` is right about a commit and itself, and about 5 ms; takes most of an hour.
compare-tries: .venv/.dev
	$(BIN)/python -m tests.benchmarks.compare_tries

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
