# Everything from a fresh machine with Python 3.11-3.13 and make: `make demo`, `make test`.
PYTHON ?= python3
VENV   ?= .venv
# A CPU build where the index has one; override with e.g. `make TORCH="torch --index-url <your index>"`.
TORCH  ?= torch==2.13.0
BIN     = $(VENV)/bin

.PHONY: demo test lint types format setup train-setup clean fuzz

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"DiffProxy needs Python 3.11-3.13, found {v.major}.{v.minor}: run make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet -e ".[dev]"
	touch $@

$(VENV)/.installed-train: $(VENV)/.installed
	$(BIN)/pip install --quiet -e ".[train,bake]"
	touch $@

train-setup: $(VENV)/.installed-train   ## also what training and baking need

demo: setup   ## fit the synthetic rig that ships with the project, from images to a mesh
	$(BIN)/diffproxy demo

JOBS ?= 2
test: setup lint types   ## lint, types and the whole test suite, in JOBS processes of one thread each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --assert=plain \
	  || { [ $$? -ne 1 ] || OMP_NUM_THREADS=1 $(BIN)/python -m pytest --last-failed; exit 1; }

MINUTES ?= 5
fuzz: setup   ## new hostile inputs for every reader, for MINUTES
	@end=$$(( $$(date +%s) + 60 * $(MINUTES) )); while [ $$(date +%s) -lt $$end ]; do \
	  FUZZ_EXAMPLES=300 $(BIN)/python -m pytest tests/fuzz || exit 1; done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) out runs
