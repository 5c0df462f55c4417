# The commands of the project. `make demo` and `make test` set up by themselves.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= runs/demo
# Tests start Python a few hundred times: without bytecode, each start compiles Stapes again.
unexport PYTHONDONTWRITEBYTECODE
# A file stays in one worker, whose model its tests share; in the files' order, so that those that
# train do not come last, one after the other.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo quick test lint types unit docs browser format lock benchmark clean

help:
	@echo "make demo       set up and run the main job on synthetic speech, into $(DEMO)"
	@echo "make quick      set up and run lint and the tests that train nothing: under two minutes"
	@echo "make test       set up and run every check: lint, format, types, tests"
	@echo "make browser    install Chromium, which the tests of the page use and skip without (Debian, root)"
	@echo "make lint       ruff, import-linter, reference and links of the docs; make types: mypy"
	@echo "make format     fix what lint and format can fix"
	@echo "make benchmark  measure the speed claims of the docs (recordings in \$$STAPES_SPEECH, a run in runs/demo)"
	@echo "make lock       choose the versions in requirements.lock again"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 10) <= v <= (3, 13))' || \
		{ echo "Stapes needs Python 3.10 to 3.13: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: $(READY)
	$(BIN)/stapes run --word house --out $(DEMO)

quick: lint
	$(PYTEST) -q -m "not slow"

test: lint types unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python tools/reference.py --check
	$(BIN)/sphinx-build --quiet --fail-on-warning --builder dummy docs build/docs
	@! grep -nE '(index-url|find-links|https?://)' requirements.lock || \
		{ echo "requirements.lock must hold no address"; exit 1; }

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	$(PYTEST)

docs: $(READY)
	$(BIN)/python tools/reference.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --builder html docs build/site
	@echo "build/site/index.html"

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
		command -v google-chrome >/dev/null || \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; }

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(READY)
	$(BIN)/python benchmarks/features.py
	$(BIN)/python benchmarks/streaming.py
	$(BIN)/python benchmarks/listening.py

lock:
	$(PYTHON) -m venv --clear .lock-venv
	.lock-venv/bin/pip install --quiet uv
	.lock-venv/bin/uv pip compile --quiet --universal --python-version 3.10 --all-extras --group dev \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--output-file requirements.lock pyproject.toml
	rm -rf .lock-venv

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
