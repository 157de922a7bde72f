# make demo   a recorded headphone jack runs a task, in the real daemon
# make test   every test; as root with apt, the lab (a QEMU guest) too
# make bench  the benchmarks: a table, and bench.json
# make check  format, lint, types and floors only
# Everything they need is set up first, in .venv and, for the lab, in a cache outside this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test bench check lab format clean

demo: $(READY)
	@docs/examples/lamp/demo $(abspath $(BIN))/hwbridge

test: $(READY) lab
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

bench: $(READY) lab
	$(BIN)/python -m benchmarks

check: $(READY)
	$(BIN)/python -m pytest -q tests/house

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The lab needs root and apt; without them its tests say that they are skipped, and why.
lab: $(READY)
	@.ci/lab-setup || echo "the lab is not set up: its tests will be skipped"

$(READY): pyproject.toml
	@.ci/system-setup
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis bench.json
