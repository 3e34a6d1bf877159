# Python 3.11+ and make are enough: everything else goes into .venv, each file checked against its hash in the lock.
# `make PYTHON=/path/to/python3` chooses the Python.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help setup run test lint docs bench bench-size bench-mail lock clean

help: ## say what each target does
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target what; do \
		printf '%-14s %s\n' "$$target" "$$what"; done

setup: $(READY) ## make .venv from the lock (again only when the lock has changed)

run: $(READY) ## bring everything up and rehearse the 2021 season before your eyes
	@$(BIN)/kcity up --rehearse 2021

test: lint ## lint, then run every test
	@$(BIN)/pytest

proof: $(READY) ## play selections with races and kills for half an hour; PROOF=10 makes it ten times as long
	@PROOF=$(or $(PROOF),1) $(BIN)/pytest -o faulthandler_timeout=0 tests/proof

lint: $(READY) ## check style, types and the direction of imports
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

docs: $(READY) ## write the generated pages of docs/ again
	@$(BIN)/kcity lifecycle --format markdown > docs/lifecycle.md

bench: $(READY) ## measure against a bare Temporal workflow
	@$(BIN)/python -m bench

bench-size: $(READY) ## decide on ten thousand applications, and kill the worker meanwhile (N=10000)
	@$(BIN)/python -m bench.size $(N)

bench-mail: $(READY) ## send ten thousand mails that fall due together (N=10000)
	@$(BIN)/python -m bench.mail $(N)

lock: $(READY) ## renew requirements.lock with the newest versions
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group build --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock

clean: ## remove .venv and the caches; var/ (your data) stays
	@rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

# pip, which every Python brings, fetches uv; uv fetches the rest five times faster. Where it cannot (an index that only
# pip is configured for), pip does it all. No build isolation: that would fetch the build backend past the lock.
$(READY): requirements.lock pyproject.toml
	@for python in "$(PYTHON)" python3.14 python3.13 python3.12 python3.11 none; do \
		test "$$python" != none || { echo "Python 3.11 or newer is needed and was not found; install it, or name it: make PYTHON=..." >&2; exit 1; }; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	test -x $(BIN)/pip || "$$python" -m venv --clear .venv || \
		{ echo "$$python cannot make a virtual environment; install its venv module (on Debian and Ubuntu: python3-venv)." >&2; exit 1; }
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --link-mode copy --require-hashes requirements.lock 2>/dev/null || \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
