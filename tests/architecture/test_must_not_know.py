"""What a room must not know: the last column of the table of rooms in ARCHITECTURE.md.

In backticks stand modules that no module of the room imports, ``.name`` fields that it never reads; after "but for"
stand modules to which a part of the cell does not apply.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "reverie"
_ROW = re.compile(r"^\| `(\w+)` \| \d+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


class Ban(msgspec.Struct, frozen=True):
    """One part of a cell."""

    room: str
    names: tuple[str, ...]
    excepted: tuple[str, ...] = ()


def cells() -> dict[str, str]:
    """Each room's cell."""
    return dict(_ROW.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))


def bans() -> Iterator[Ban]:
    for room, cell in cells().items():
        for part in cell.split(";"):
            banned, _, excepted = part.partition("but for")
            yield Ban(room, tuple(re.findall(r"`([^`]+)`", banned)), tuple(re.findall(r"`([^`]+)`", excepted)))


def modules(room: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((SOURCE / room).rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def known(tree: ast.Module) -> Iterator[str]:
    """What a module knows: modules that it imports or names in a text, and ``.name`` of each field that it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"reverie\.\w+", node.value):
            yield node.value.replace(":", ".")
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}"


def breaches(ban: Ban, name: str, tree: ast.Module) -> list[str]:
    if name in ban.excepted:
        return []
    wanted = [x if x.startswith(".") else f"reverie.{x}." for x in ban.names]
    return [f"{name} knows {each}" for each in sorted(set(known(tree))) if any(_is(each, x) for x in wanted)]


def _is(found: str, banned: str) -> bool:
    return found == banned if banned.startswith(".") else f"{found}.".startswith(banned)


@pytest.mark.parametrize("ban", list(bans()), ids=lambda ban: f"{ban.room}: {', '.join(ban.names)}")
def test_no_room_knows_what_it_must_not(ban: Ban) -> None:
    assert ban.names, f"{ban.room}: a test cannot hold this; name modules or fields in backticks, or strike it out"
    assert [line for name, tree in modules(ban.room) for line in breaches(ban, name, tree)] == []


def test_every_module_in_the_table_exists_and_every_exception_is_needed() -> None:
    assert len(cells()) > 1
    for ban in bans():
        for name in (x for x in (*ban.names, *ban.excepted) if not x.startswith(".")):
            path = SOURCE / Path(*name.split("."))
            assert path.is_dir() or path.with_suffix(".py").is_file(), f"{ban.room}: there is no {name}"
        for name, tree in modules(ban.room):
            if name in ban.excepted:
                assert breaches(Ban(ban.room, ban.names), name, tree) != [], f"{name} need not be excepted"


@pytest.mark.parametrize(
    "code",
    [
        "from reverie.memory.memory import Edit",
        "from reverie import memory",
        "import reverie.memory",
        "importlib.import_module('reverie.memory.memory')",
        "late('reverie.memory.memory:Edit')",
        "session.reward",
    ],
)
def test_every_way_of_knowing_is_seen(code: str) -> None:
    assert breaches(Ban("lessons", ("memory", ".reward")), "lessons.lesson", ast.parse(code)) != []


@pytest.mark.parametrize("code", ["from reverie.memory_map import x", "reward = 1", "from memory import x"])
def test_a_name_that_only_begins_alike_is_another(code: str) -> None:
    assert breaches(Ban("lessons", ("memory", ".reward")), "lessons.lesson", ast.parse(code)) == []
