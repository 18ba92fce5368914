# Everything runs in .venv, which `make setup` builds from pyproject.toml and the pinned constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
# uv reads none of pip's settings; it is told the index that these name.
INDEX := $${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}}
UV := UV_DEFAULT_INDEX="$(INDEX)" $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
VENDOR := web/static/vendor

# Of `make bare`: a release of Debian, and what to run there.
SUITE ?= trixie
COMMANDS ?= make demo && make test

# Of `make faults`.
TRIALS ?= 20
SEED ?= $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help setup up demo test faults lint check bare format structure docs lock browser

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready $(VENDOR)/.ready ## Install everything into .venv (a second run takes seconds)

up: setup ## Start the platform and its dashboard; DATA=DIR names a folder of yours that it may use
	$(BIN)/deeplab up $(if $(DATA),--data '$(DATA)')

demo: setup ## Train, evaluate, CRF and segment on sample data, through the HTTP API
	$(BIN)/deeplab demo

test: setup browser ## Run the tests
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

faults: setup ## Inject faults into the real platform, TRIALS times each, drawn from SEED
	@echo "Seed $(SEED), $(TRIALS) trials of each fault."
	$(BIN)/python -m pytest tests/faults --trials $(TRIALS) --fault-seed $(SEED)

lint: setup ## Check format, lint, types and import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## What CI runs: lint, then test

bare: ## Run the demo and the tests, or COMMANDS, on a bare Debian (SUITE) as an ordinary user; needs root, debootstrap
	@tools/bare.sh '$(SUITE)' '$(COMMANDS)'

format: setup ## Format the sources and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

structure: setup ## Print folders, imports between them and the longest functions
	$(BIN)/python docs/structure.py

docs: setup ## Write the reference pages of docs/ from the sources
	$(BIN)/python docs/generate.py

lock: setup ## Pin the newest versions that pyproject.toml admits
	UV_DEFAULT_INDEX="$(INDEX)" $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --all-extras --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links pyproject.toml --output-file constraints.txt

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "DeepLab needs Python 3.11 or newer; $(PYTHON) is %d.%d. Name another with: make setup PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Installing into .venv (a minute or two the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(UV) --editable '.[dev]'
	@{ command -v "$${CXX:-c++}" && $(UV) --editable '.[pydensecrf]'; } >.venv/pydensecrf.log 2>&1 || \
		echo "The reference CRF for tests is left out: it needs a C++ compiler and Python's headers (see .venv/pydensecrf.log)."
	@echo "Installed. Call it as $(BIN)/deeplab, or as deeplab after: source $(BIN)/activate"
	@touch $@

$(VENDOR)/.ready: package-lock.json tools/vendor.py | .venv/.ready
	@echo "Fetching the browser packages into $(VENDOR) ..."
	@$(BIN)/python tools/vendor.py $(VENDOR)
	@touch $@

browser: .venv/.ready # What the browser tests need, where it is not installed yet
	@$(BIN)/python -m tests.browser
