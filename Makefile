# Two commands for a fresh machine: `make demo` and `make test`. Both need only Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXPORT ?= sample_exports/kitchen_sink

# The server tests of Mattermost build the real server once (Go) and run it on a throw-away PostgreSQL; see their folder.
.PHONY: demo test test-mattermost check lint types unit bench docs clean

demo: $(VENV)/ready
	$(BIN)/slack-migrator try $(EXPORT) $(ARGS)

test: check unit

check: lint types

unit: $(VENV)/ready
	$(BIN)/pytest -n 2 $(PYTEST_ARGS)

test-mattermost: $(VENV)/ready
	$(BIN)/python -m tests.e2e.mattermost.tools
	$(BIN)/python -m tests.e2e.mattermost.build
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m mattermost tests/e2e/mattermost $(PYTEST_ARGS)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy knows no package-dir: a folder of links shows it adapters/ where it is installed, below migrator.
types: $(VENV)/ready
	rm -rf build/types && mkdir -p build/types/migrator
	ln -s $(CURDIR)/migrator/* build/types/migrator/
	ln -s $(CURDIR)/adapters build/types/migrator/adapters
	$(BIN)/mypy

bench: $(VENV)/ready
	$(BIN)/python -m bench

docs: $(VENV)/ready
	$(BIN)/python docs/generate.py

# pip compiles what it copies, but not what is editable.
$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[try,dev]'
	$(BIN)/python -m compileall -q migrator adapters
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
