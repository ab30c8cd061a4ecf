import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import reverie

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "reverie"
FLOW = [
    *("sessions", "outcomes", "digests", "statistics", "mining", "overview"),
    *("lessons", "memory", "trials", "teams", "assist", "dreams", "agents", "runtime"),
]


def contract_layers() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return [name.strip() for layer in layers for name in layer.split("|")]


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    return tuple((path, ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCE.rglob("*.py"))


def test_the_order_of_the_rooms_is_the_same_wherever_it_is_stated() -> None:
    in_contract = [name for name in reversed(contract_layers()) if name in FLOW]
    assert in_contract == FLOW
    assert reverie.__doc__ is not None
    assert " → ".join(FLOW) in " ".join(reverie.__doc__.split())
    table = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| \d", table, re.MULTILINE) == FLOW


def test_every_room_and_edge_is_in_the_contract_and_in_the_architecture_page() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert rooms <= set(contract_layers())
    assert {room for room in rooms if f"| `{room}` |" not in page} == set()


def test_public_names_are_the_listed_ones_and_can_be_loaded() -> None:
    assert sorted(reverie.__all__) == reverie.__all__
    assert set(reverie.__all__) == set(reverie._HOMES)
    for name in reverie.__all__:
        home = reverie._HOMES[name]
        assert getattr(reverie, name).__module__.startswith(home)


def test_nothing_but_optional_extras_is_imported_inside_functions() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for path, tree in modules()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    # Each model provider's library is an optional extra, so it is imported when it is asked for.
    assert [place for place in found if not place.startswith("src/reverie/models/open.py")] == []


def catches_everything(node: ast.AST) -> bool:
    """A bare ``except``, one of ``Exception`` alone or among others, and ``suppress`` of it."""
    if isinstance(node, ast.ExceptHandler):
        caught = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
        return any(each is None or getattr(each, "id", "") in ("Exception", "BaseException") for each in caught)
    if not isinstance(node, ast.Call) or "suppress" not in ast.unparse(node.func):
        return False
    return any(getattr(each, "id", "") in ("Exception", "BaseException") for each in node.args)


def test_only_the_outermost_loop_of_a_job_or_server_catches_everything() -> None:
    found = {str(path.relative_to(SOURCE)) for path, tree in modules() if any(map(catches_everything, ast.walk(tree)))}
    turns = {"turns/calls.py", "turns/dispatch.py"}
    jobs = {"jobs/dreams.py", "jobs/dream_queue.py", "jobs/engine.py"}
    loops = {"api/receiving.py", "api/rounds.py", "api/schedules.py", "api/sealing.py", "api/trial_watch.py"}
    outermost = {"api/pipeline.py", "api/server.py", "cli/hook.py", "console/page.py", "extensions.py"}
    recorded = {"recorder/courier.py", "recorder/session.py"}  # the program that is recorded must not notice
    assert found == jobs | loops | turns | outermost | recorded


def test_no_module_has_a_name_that_answers_no_question() -> None:
    vague = {"utils", "common", "misc", "core", "helpers", "manager", "base"}
    assert [path for path, _ in modules() if path.stem in vague] == []
