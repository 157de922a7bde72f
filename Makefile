# make demo   a recorded headphone jack runs a task, in the real daemon
# make test   every test; as root with apt, the lab (a QEMU guest) too
# make bench  the benchmarks: a table, and bench.json
# make fuzz   made-up bytes for every reader of recordings, FUZZ_SECONDS (60) each; it needs a wheel of atheris
# make check  format, lint, types, floors and documentation, in a minute or two
# Everything they need is set up first, in .venv and, for the lab, in a cache outside this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FUZZ_SECONDS ?= 60

.PHONY: demo test bench fuzz check lab format clean

demo: $(READY)
	@docs/examples/lamp/demo $(abspath $(BIN))/hwbridge

test: $(READY) lab
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

bench: $(READY) lab
	$(BIN)/python -m benchmarks

fuzz: $(READY)
	@$(BIN)/python -m pip install --quiet --only-binary atheris --group fuzz \
		|| { echo "nothing is fuzzed: atheris, which has wheels for few Pythons, has none for this one"; exit 1; }
	@for reader in evemu jsonl formats; do \
		folder=$$(mktemp -d) && echo "fuzzing the reader $$reader for $(FUZZ_SECONDS) s in $$folder" \
			&& $(BIN)/python -m fuzz $$reader $(FUZZ_SECONDS) $$folder && rm -r $$folder || exit 1; \
	done

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
