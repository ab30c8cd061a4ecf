"""The rules of CONTRIBUTING.md that a machine can hold."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "reverie"
TESTS = ROOT / "tests"
MOST_LINES = 40
"""Of a function, and of a test; signature, docstring and blank lines do not count."""
LATE = {
    "__init__.py": "public names are loaded when first used, so that a client is light",
    "api/wire_type.py": "the SDK's types and handlers of the statistics are loaded when first asked for",
    "lazy_modules.py": "everything else, each module in its table with a reason",
    "api/on_demand.py": "a server is ready without the statistics libraries; every name stands there once",
    "sessions/importers/__init__.py": "a program that records its own sessions needs few of the formats' parts",
    "testing/fake_models/policy.py": "a policy is named by the user as module:function",
}
"""Files that import by a text when something is first needed, and why."""
MUTABLE = {
    "api/local_workers.py LocalWorkers": "knows the processes that it started",
    "turns/dispatch.py Dispatcher": "knows the turns that run here",
    "turns/rules.py TurnRules": "knows how far the log has been read",
    "turns/sandbox.py Sandboxes": "knows the processes that it started",
    "turns/worker.py Worker": "knows the sessions that it serves",
    "api/request_context.py RequestContext": "collects what is said of a request while it is answered",
    "mining/verdicts.py HypothesisResults": "is filled in test by test",
    "runtime/live_state.py Transition": "the next state of a session while it is being made",
    "sessions/importers/claude_code/line.py Line": "a line while the file is read",
    "sessions/importers/draft.py Draft": "a session while the file is read",
}
"""Records that are no constants, and why."""
SLEEPS = {
    "recorder/test_interleaving.py": "sleeps of 0, which let other tasks run and wait for nothing",
    "quick_server.py": "a sleep of 0 between looks at whether the answers of a server that ends are given",
    "conformance/exercises/sessions.py": "a sleep of 0, which lets the other task run and waits for nothing",
    "turns/test_late_stream.py": "a sleep of 0 between looks at a session over HTTP",
    "turns/test_turn.py": "a sleep of 0 between looks at a session over HTTP",
    "turns/test_failures.py": "a sleep of 0 between looks at what waits for a lock",
    "turns/test_edges.py": "a sleep of 0 between looks at a session over HTTP",
    "turns/test_multiagent.py": "a sleep of 0 between looks at what a model was asked",
    "turns/test_sandbox.py": "a pause between looks at a file that another process writes",
    "cli/test_worker.py": "a pause between looks at what another process does",
}
"""Tests that sleep, and why."""


def parsed(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """Each module of a folder by its path within, migrations aside: those stay as they were released."""
    for path in sorted(folder.rglob("*.py")):
        if "versions" not in path.parts:
            yield path.relative_to(folder).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def name_of(node: ast.expr | None) -> str:
    if isinstance(node, ast.Call):
        return name_of(node.func)
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """Lines of the body that are neither docstring nor blank."""
    told = ast.get_docstring(function) is not None
    body = function.body[1:] if told else function.body
    return sum(bool(line.strip()) for line in lines[body[0].lineno - 1 : function.end_lineno]) if body else 0


@pytest.mark.parametrize("folder", [SOURCE, TESTS], ids=["source", "tests"])
def test_functions_are_short(folder: Path) -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in parsed(folder)
        for lines in [(folder / name).read_text(encoding="utf-8").splitlines()]
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of_code(node, lines) > MOST_LINES
    ]
    assert long == []


def test_what_is_imported_late_is_declared_with_a_reason() -> None:
    found = {
        name
        for name, tree in parsed(SOURCE)
        if any(
            name_of(node) in ("import_module", "__import__") for node in ast.walk(tree) if isinstance(node, ast.expr)
        )
    }
    assert found == set(LATE)


def test_addresses_of_what_is_loaded_late_stand_in_the_api_alone() -> None:
    address = re.compile(r"\A(reverie|anthropic)(\.\w+)*:\w+\Z")
    found = {
        name
        for name, tree in parsed(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and address.match(node.value)
    }
    assert {name for name in found if not name.startswith("api/")} == set()


def test_records_that_leave_their_module_are_frozen() -> None:
    found = {
        f"{name} {node.name}"
        for name, tree in parsed(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and is_record(node) and not is_frozen(node)
    }
    assert found == set(MUTABLE)


def is_record(node: ast.ClassDef) -> bool:
    decorated = any(name_of(decorator) == "dataclass" for decorator in node.decorator_list)
    return decorated or any(name_of(base) == "Struct" for base in node.bases)


def is_frozen(node: ast.ClassDef) -> bool:
    calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    words = [*node.keywords, *(word for call in calls for word in call.keywords)]
    return any(word.arg == "frozen" and getattr(word.value, "value", False) is True for word in words)


def test_the_time_of_day_is_read_in_one_place() -> None:
    readings = {"now", "utcnow", "today", "time", "time_ns"}
    found = {
        name
        for name, tree in parsed(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in readings and name_of(node.func.value) in ("datetime", "date", "time")
    }
    assert found == {"clock.py"}


def test_chance_in_what_is_computed_comes_from_a_seed() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in parsed(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node.func.value, ast.Name | ast.Attribute) and name_of(node.func.value) == "random"
        if node.func.attr not in ("SystemRandom", "Random")
        if node.func.attr != "default_rng" or not node.args
    ]
    assert found == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    names = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): tree for name, tree in parsed(SOURCE)
    }
    graph = {
        name: {
            target
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reverie.")
            for alias in node.names
            for within in [str(node.module).removeprefix("reverie.")]
            for target in (f"{within}.{alias.name}", within)
            if target in names and target != name
        }
        for name, tree in names.items()
    }
    # Raises graphlib.CycleError, which names the modules.
    assert set(TopologicalSorter(graph).static_order()) == set(names)


def test_tests_do_not_sleep() -> None:
    found = {
        name
        for name, tree in parsed(TESTS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) == "sleep"
    }
    assert found == set(SLEEPS)


def test_a_test_is_named_by_a_sentence() -> None:
    found = [
        f"{name} {node.name}"
        for name, tree in parsed(TESTS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if len(node.name.removeprefix("test_").split("_")) < 3
    ]
    assert found == []


def test_no_test_asserts_how_fast_something_is() -> None:
    clocks = {"monotonic", "perf_counter", "process_time"}
    found = [
        f"{name}:{node.lineno}"
        for name, tree in parsed(TESTS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call) and name_of(inner.func) in clocks
    ]
    assert found == []
