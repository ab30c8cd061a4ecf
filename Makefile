# Two commands on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
# The locks are complete, so pip need not resolve anything.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: install install-dev demo test test-server test-wheel check bench weight abuse compatibility docs site exports evaluate closed-loop live-proof chaos lock clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --requirement requirements.lock
	$(PIP_INSTALL) --editable .
	touch $(STAMP)

install-dev: $(DEV_STAMP)  ## What tests, checks and measurements need besides.

$(DEV_STAMP): $(STAMP) requirements-dev.lock
	$(PIP_INSTALL) --requirement requirements-dev.lock
	touch $(DEV_STAMP)

demo: install  ## A planted world: import it, dream, show planted against found.
	$(BIN)/python examples/demo.py

SERVER_TESTS := tests/api tests/console tests/conformance tests/abuse tests/recovery/test_server_killed.py

test: install-dev  ## The ordinary suite: a real PostgreSQL, no network.
	$(BIN)/python -m pytest -n auto $(addprefix --ignore=,$(SERVER_TESTS))

test-server: install-dev  ## The server: every resource, the official SDK against a process, kills, requests that mean no good.
	$(BIN)/python -m pytest -n auto $(SERVER_TESTS)

test-wheel: install-dev  ## The built wheel in an environment of its own: import, dream, serve, client.
	$(BIN)/python tests/wheel/check_wheel.py

check: install-dev  ## Style, types, layers.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install-dev  ## One JSON document of measurements on standard output.
	$(BIN)/python benchmarks/run.py

weight: install-dev  ## What an installation weighs and how fast its programs start, as JSON.
	$(BIN)/python benchmarks/weight.py

abuse: install-dev  ## Many generated requests an operation, where the ordinary suite sends two.
	REVERIE_ABUSE_EXAMPLES=100 $(BIN)/python -m pytest tests/abuse

compatibility: install-dev  ## docs/compatibility.md, from the SDK, the endpoints and the tests.
	$(BIN)/python -m tests.conformance.page

docs: install-dev  ## docs/cli.md and docs/settings.md, from the commands and the settings.
	$(BIN)/python -m tests.docs.cli_page
	$(BIN)/python -m tests.docs.settings_page

site: install-dev  ## The pages as a site, in build/site; fails on a link that leads nowhere.
	$(BIN)/python -m tests.docs.site

exports: install-dev  ## tests/docs/exported.txt, the list of all that others may rely on.
	$(BIN)/python -m tests.docs.exported

screenshots: install-dev  ## docs/screenshots, of a planted world in the console; needs a Chromium.
	REVERIE_SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/console/test_screenshots.py

evaluate: install-dev  ## How well dreams find what is true; writes the tables of docs/evaluation.md.
	$(BIN)/python -m evaluation.run

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

closed-loop: install-dev  ## Run agents, grade, dream, brief, run again; with controls. REVERIE_DATA names real databases.
	$(BIN)/python -m evaluation.closed_loop

live-proof: install-dev  ## Plant right, wrong and idle lessons and let trials decide. REVERIE_DATA names real databases.
	$(BIN)/python -m evaluation.live_proof

chaos: install-dev  ## Kill servers, workers, tools and the database while sessions run; see whether promises hold.
	$(BIN)/python -m evaluation.chaos

lock: install-dev  ## Resolve the versions in both locks anew: the runtime, and all that developers need.
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
