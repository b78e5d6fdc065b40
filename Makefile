# Thaw: `make run` starts the dashboard, `make test` checks everything, `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
TB_PORT ?= 6006
# A file's tests stay together: what a module's fixtures have built is built once.
BESIDE := -n auto --maxprocesses 4 --dist loadfile
# Long tests on two processes, whose networks may be large: whoever is done takes over from the other.
# NOTE: TensorFlow keeps some of every graph for ever: 580 tests in one go took 18 GB, so they go in three.
TWO := -n 2 --dist worksteal
WORKSPACE ?=
SHARE ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run tensorboard test zoo zoo-weights check lint types unit pages backbones browser chromium bench screenshots clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.installed ## serve the dashboard on http://127.0.0.1:8501 (WORKSPACE=folder, PORT=number, SHARE=address for a class)
	@$(BIN)/python -m streamlit run app.py --server.port $(PORT) $(if $(SHARE),--server.address 0.0.0.0) -- \
		$(if $(SHARE),--host "$(SHARE)") $(if $(WORKSPACE),--workspace "$(WORKSPACE)")

# The workspace is looked for where `make run` looks: WORKSPACE, else THAW_HOME, else ./workspace.
tensorboard: $(VENV)/.installed-tensorboard ## show all runs in TensorBoard on http://127.0.0.1:6006 (WORKSPACE=folder, TB_PORT=number)
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m tensorboard.main --host 127.0.0.1 --port $(TB_PORT) \
		--logdir "$(or $(WORKSPACE),$(THAW_HOME),workspace)/runs"

test: $(VENV)/.installed-dev chromium lint types ## run every check: lint, types, unit, page and browser tests
	@$(BIN)/python -m pytest tests -m "not zoo and not browser" $(BESIDE)
	@$(MAKE) --no-print-directory browser

zoo: $(VENV)/.installed-dev ## every backbone's blocks, and training, heatmaps, exports and scripts of every family (long)
	@$(BIN)/python -m pytest tests/core/backbones/test_zoo.py tests/core/backbones/test_imagenet_path.py -m zoo $(TWO)
	@$(BIN)/python -m pytest tests/core/training tests/core/runs -m zoo $(TWO)
	@$(BIN)/python -m pytest tests/core/insight tests/core/export tests/core/studies -m zoo $(TWO)

zoo-weights: $(VENV)/.installed-dev ## save and load the weights of every backbone in every form (longer)
	@$(BIN)/python -m pytest tests/core/backbones -m zoo --ignore tests/core/backbones/test_zoo.py

check: $(VENV)/.installed-dev lint types ## the quick checks: lint, types, fast tests
	@$(BIN)/python -m pytest tests -m "not slow and not browser and not zoo" -q $(BESIDE)

lint: $(VENV)/.installed-dev ## ruff
	@$(BIN)/python -m ruff check .

types: $(VENV)/.installed-dev ## mypy, strict
	@$(BIN)/python -m mypy

unit: $(VENV)/.installed-dev ## the tests of core
	@$(BIN)/python -m pytest tests/core -m "not zoo" $(BESIDE)

pages: $(VENV)/.installed-dev ## the tests of the pages and routes, without a browser
	@$(BIN)/python -m pytest tests/pages tests/web

browser: $(VENV)/.installed-dev chromium ## the tests in a real Chromium
	@$(BIN)/python -m pytest tests/browser -n 2 --dist loadfile

screenshots: $(VENV)/.installed-dev chromium ## make the README's pictures anew
	@THAW_SCREENSHOTS=assets/screenshots $(BIN)/python -m pytest tests/browser -k journey

backbones: $(VENV)/.installed-dev ## describe keras.applications anew, after another Keras was installed
	@$(BIN)/python -m core.backbones.describe

bench: $(VENV)/.installed-dev chromium ## measure: pages, upload, intake, accuracy, estimates, memory, many photos, speed (two hours)
	@$(BIN)/python -m tests.benchmarks.all

chromium: ## make sure there is a Chromium for the browser tests
	@sh .ci/chromium

clean: ## remove the virtual environment and caches; the workspace stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Thaw needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Thaw needs (about 3 GB on disk). This is done once."
	@$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-export.txt $(VENV)/.installed | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

# NOTE: of TensorFlow's own minor version. It takes any protobuf below 8 and changes nothing that is installed.
$(VENV)/.installed-tensorboard: $(VENV)/.installed | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet "tensorboard>=2.21,<2.22"
	@touch $@
