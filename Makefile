# Two commands on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test test-server check bench abuse compatibility evaluate lock clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

demo: install  ## A planted world: import it, dream, show planted against found.
	$(BIN)/python examples/demo.py

SERVER_TESTS := tests/api tests/conformance tests/abuse tests/recovery/test_server_killed.py

test: install  ## The ordinary suite: a real PostgreSQL, no network.
	$(BIN)/python -m pytest -n auto $(addprefix --ignore=,$(SERVER_TESTS))

test-server: install  ## The server: every resource, the official SDK against a process, kills, requests that mean no good.
	$(BIN)/python -m pytest -n auto $(SERVER_TESTS)

check: install  ## Style, types, layers.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install  ## One JSON document of measurements on standard output.
	$(BIN)/python benchmarks/run.py

abuse: install  ## Many generated requests an operation, where the ordinary suite sends two.
	REVERIE_ABUSE_EXAMPLES=100 $(BIN)/python -m pytest tests/abuse

compatibility: install  ## docs/compatibility.md, from the SDK, the endpoints and the tests.
	$(BIN)/python -m tests.conformance.page

evaluate: install  ## How well dreams find what is true; writes the tables of docs/evaluation.md.
	$(BIN)/python evaluation/run.py

lock: install  ## Resolve the versions in requirements.lock anew.
	$(BIN)/pip-compile --quiet --strip-extras --extra dev --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
