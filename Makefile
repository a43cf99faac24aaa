# Everything happens in .venv; a target does only what is not done yet.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

C_SOURCES := $(shell find driver -name '*.[ch]' -not -path '*/build/*')
PORTS := arty_a7
PACKAGE := pyproject.toml setup.py $(wildcard pal_edge/runtime/*build*.py) $(C_SOURCES)

.PHONY: help demo test test-c test-firmware packages ports firmware test-python test-exhaustive conformance bench wheel check generate clean

help:
	@echo 'make demo             convert a digit classifier, run it on the simulated engine and on a virtual board'
	@echo 'make test             everything: checks, C tests under sanitizers, Python tests'
	@echo 'make firmware         bootloader and signed application of the virtual board'
	@echo 'make ports            the same for the other boards: they must compile and fit'
	@echo 'make test-exhaustive  the tests that walk through every case of a large space'
	@echo 'make conformance      all of the test cases and models that come with ONNX'
	@echo 'make bench            accuracy, size, cycles, speed beside ONNX Runtime (PAL_MLPERF_TINY names the models'"'"' folder)'
	@echo 'make wheel            one wheel for every Python from 3.11, tried in an environment without a compiler'
	@echo 'make check            ruff, mypy, generated files'
	@echo 'make generate         write the files generated from driver/spec, and the table of operators'
	@echo 'make clean            remove everything that can be made again'

demo: packages $(VENV)/.demo firmware
	$(BIN)/python examples/digits/demo.py

test: packages check test-c test-firmware ports test-python

# Debian's packages that are missing are installed, as root or with sudo.
packages:
	@.ci/packages base board $(if $(filter test ports,$(MAKECMDGOALS)),ports)

test-c:
	$(MAKE) --no-print-directory -C driver test

test-firmware: $(VENV)/.dev
	$(MAKE) --no-print-directory -C firmware/tests test

# The firmware of the virtual board; its key is made on the first build.
firmware: $(VENV)/.demo
	$(MAKE) --no-print-directory -C firmware BOARD=virt

ports: $(VENV)/.dev
	for board in $(PORTS); do $(MAKE) --no-print-directory -C firmware BOARD=$$board || exit 1; done

test-python: $(VENV)/.dev firmware
	$(BIN)/pytest -q

test-exhaustive: $(VENV)/.dev
	$(BIN)/pytest -q -m exhaustive

conformance: $(VENV)/.dev
	$(BIN)/pytest -q tests/conformance -m 'exhaustive or not exhaustive'

bench: $(VENV)/.dev
	$(BIN)/python -m host_tools.benchmarks

wheel: $(VENV)/.dev
	rm -rf dist build/wheel
	$(BIN)/pip wheel -q --disable-pip-version-check --no-deps -w dist .
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install -q --disable-pip-version-check dist/*.whl
	cd build/wheel && CC=false PATH=$$PWD/bin pal-edge convert $(CURDIR)/examples/digits/digits.onnx \
	  --calib random -o digits.pal >/dev/null && CC=false PATH=$$PWD/bin pal-edge inspect digits.pal >/dev/null
	@ls dist/*.whl

check: $(VENV)/.dev
	$(BIN)/python -m host_tools.generators --check
	$(BIN)/ruff check
	$(BIN)/mypy

generate:
	$(PYTHON) -m host_tools.generators
	@$(MAKE) --no-print-directory $(VENV)/.dev
	$(BIN)/pal-edge ops --markdown >docs/.operators.md && mv docs/.operators.md docs/operators.md

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find pal_edge host_tools tests examples -name __pycache__ -prune -exec rm -rf {} +
	find pal_edge -name '*.so' -delete
	$(MAKE) --no-print-directory -C driver clean
	rm -rf firmware/build

# The editable installs; pip compiles the native layer each time, so a change in C comes here too.
# The development environment has all that the demo needs.
$(VENV)/.demo $(VENV)/.dev: $(VENV)/.%: $(PACKAGE) | $(VENV)/.created
	$(BIN)/pip install -q --disable-pip-version-check -e '.[$*]'
	@touch $@

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'error: Python 3.11 or newer is needed; name one with `make PYTHON=python3.12`' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'error: Python has no venv module here; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || \
	  { echo 'error: Python.h is missing; on Debian: apt-get install python3-dev' >&2; exit 1; }
	@command -v $(CC) >/dev/null || \
	  { echo 'error: no C compiler "$(CC)"; on Debian: apt-get install gcc libc6-dev' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@
