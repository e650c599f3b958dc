# `make help` tells the targets.

PYTHON ?= python3
VENV ?= .venv
VENV_DEV ?= .venv-dev
OUT ?= runs/demo

# An environment is made anew, or brought up to date, when what it is made from changes.
KEY := $(shell { cat pyproject.toml constraints.txt; $(PYTHON) --version; } 2>&1 | cksum | cut -d' ' -f1)
INSTALL = -m pip install --quiet --disable-pip-version-check
SOURCES = lanelight tests examples benchmarks

.DEFAULT_GOAL := help
.PHONY: help demo test lint format clean key check-python

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16
	@echo "  PYTHON=python3.12 chooses the interpreter of new environments"

demo: $(VENV)/.ready-$(KEY) ## find the lanes of a rendered drive; writes runs/demo
	@$(VENV)/bin/python examples/demo.py $(OUT)

test: $(VENV_DEV)/.ready-$(KEY) ## run the whole test suite
	@PYTHONPATH="$(CURDIR)" $(VENV_DEV)/bin/python -m pytest $(ARGS)

lint: $(VENV_DEV)/.ready-$(KEY) ## check style and types
	$(VENV_DEV)/bin/ruff check $(SOURCES)
	$(VENV_DEV)/bin/ruff format --check $(SOURCES)
	$(VENV_DEV)/bin/mypy

format: $(VENV_DEV)/.ready-$(KEY) ## write the house style into the files
	$(VENV_DEV)/bin/ruff check --fix $(SOURCES)
	$(VENV_DEV)/bin/ruff format $(SOURCES)

clean: ## remove the environments, caches and the demo's files
	rm -rf .venv .venv-dev build dist runs/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

key: # what environments depend on; .ci/run names its cached one by it
	@echo $(KEY)

$(VENV)/.ready-$(KEY): | check-python
	@echo "making $(VENV): the base install, without torch"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python $(INSTALL) --upgrade pip
	@$(VENV)/bin/python $(INSTALL) --constraint constraints.txt --editable .
	@touch $@

# Not cleared: a training run may be using it.
$(VENV_DEV)/.ready-$(KEY): | check-python
	@echo "making $(VENV_DEV): everything that training and the tests need"
	@test -x $(VENV_DEV)/bin/python || $(PYTHON) -m venv $(VENV_DEV)
	@$(VENV_DEV)/bin/python $(INSTALL) --upgrade pip
	@$(VENV_DEV)/bin/python $(INSTALL) --constraint constraints.txt --editable '.[dev]'
	@rm -f $(VENV_DEV)/.ready-*
	@touch $@

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: lanelight needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
			"name another one: make PYTHON=python3.12 demo" >&2; exit 1; }
