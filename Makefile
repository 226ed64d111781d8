# Two commands matter: `make book` and `make test`. Both set up .venv by themselves, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_BENCH := $(VENV)/.ready-bench
SCALE ?= $(or $(OTRECON_SCALE),cpu)
# Tests download nothing, and share the cores: one thread a process.
OFFLINE := OTRECON_OFFLINE=1 OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help book test serve notebooks lint bench clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "otrecon needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=/path/to/python" % v)'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep -E '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

book: $(READY) ## run every chapter, build the pages into _build/html
	OTRECON_SCALE=$(SCALE) $(BIN)/jupyter-book build . -W -n --keep-going

test: $(READY) ## run all tests, every notebook at smoke scale, and the page checks where there is a Chromium
	$(OFFLINE) $(BIN)/python -m pytest -n 2 --dist loadfile
	$(OFFLINE) OTRECON_SCALE=smoke $(BIN)/python -m pytest -n 2 --dist loadscope \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=600 book

serve: book ## build the book and open it at http://localhost:8000
	$(BIN)/python -m http.server --directory _build/html 8000

notebooks: $(READY) ## write the notebooks that are paired with the chapters, and every link to the repository
	$(BIN)/python -m book._tools.notebooks sync
	$(BIN)/python -m book._tools.address sync

lint: $(READY) ## ruff, mypy, the prose and cell rules of the chapters, the workflow schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m book._tools.lint
	$(BIN)/python -m book._tools.notebooks check
	$(BIN)/python -m book._tools.address check
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

$(READY_BENCH): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,bench]'
	touch $@

bench: $(READY_BENCH) ## measure otrecon beside its peers, write the tables into results/
	$(BIN)/python -m benchmarks

clean: ## remove what was built; .venv and unfinished experiments stay
	find _build -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} + 2>/dev/null || true
	rm -rf .pytest_cache .mypy_cache .ruff_cache
