"""No test has a time limit of its own: how patient the tests are is said in one place."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
WAITS = {"timeout", "wait_for", "wait", "join", "poll", "sleep", "acquire", "result", "select"}
"""Functions that take a number of seconds without its name; a sleep of 0 lets others run, and nothing more."""
CLIENTS = {"Client", "AsyncClient"}
"""HTTP clients that give up after 5 s when they are not told otherwise."""
CLOCKS = {"monotonic", "perf_counter"}
"""Clocks that a loop looks at to give up."""
DATA = {"call"}
"""Functions of the tests whose named arguments are those of an agent's tool."""
LIMIT_NAME = re.compile(r"(?i)timeout|deadline|max_wait|patience")
CONSTANT_NAME = re.compile(r"TIMEOUT|DEADLINE|PATIENCE|[A-Z]_SECONDS$")


def is_number(node: ast.expr) -> bool:
    """Whether an expression is a number above 0, whatever it is made of."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float) and node.value != 0
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.Call) and name_of(node.func) in {"Timeout", "timedelta"} and has_limit(node)


def has_limit(call: ast.Call) -> bool:
    return any(is_number(value) for value in [*call.args, *(word.value for word in call.keywords)])


def name_of(function: ast.expr) -> str:
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))


def impatient(tree: ast.AST) -> list[int]:
    """Lines on which a time limit is a number, or is left to an HTTP client."""
    return sorted(node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt) and limits(node))


def limits(node: ast.AST) -> bool:
    """Whether this very node sets a time limit."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return is_number(node.value) and any(CONSTANT_NAME.search(name_of(target)) for target in targets)
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Call):
        return name_of(node.left.func) in CLOCKS and is_number(node.right)
    if not isinstance(node, ast.Call) or name_of(node.func) in DATA:
        return False
    words = {word.arg: word.value for word in node.keywords}
    named = any(name and LIMIT_NAME.search(name) and is_number(value) for name, value in words.items())
    bare = name_of(node.func) in WAITS and any(is_number(value) for value in node.args)
    module = getattr(getattr(node.func, "value", None), "id", "")
    silent = module == "httpx2" and name_of(node.func) in CLIENTS and not {"timeout", "transport"} & words.keys()
    return named or bare or silent


def test_every_wait_of_the_tests_is_as_long_as_the_one_setting_says() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in impatient(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == [], "use PATIENCE_SECONDS of reverie.testing.patience"


@pytest.mark.parametrize(
    "code",
    [
        "asyncio.timeout(5)",
        "asyncio.wait_for(task, 2 * 60)",
        "asyncio.wait(tasks, timeout=0.1)",
        "process.wait(60)",
        "time.sleep(0.01)",
        "httpx2.get(url, timeout=httpx2.Timeout(3))",
        "httpx2.AsyncClient(base_url=url)",
        "psycopg.connect(url, connect_timeout=10)",
        "LONGEST_SECONDS = 15",
        "until = time.monotonic() + 60",
        "TIMEOUT: float = 30.0",
    ],
)
def test_a_limit_of_a_tests_own_is_found(code: str) -> None:
    assert impatient(ast.parse(code)) == [1]


@pytest.mark.parametrize(
    "code",
    [
        "asyncio.timeout(PATIENCE_SECONDS)",
        "asyncio.sleep(0)",
        "settings(deadline=None)",
        "httpx2.AsyncClient(transport=transport)",
        "call('Bash', timeout=5)",
        "', '.join(names)",
    ],
)
def test_what_sets_no_limit_is_left_alone(code: str) -> None:
    assert impatient(ast.parse(code)) == []
