"""``docs/settings.md``: every setting, from the fields of the settings and what stands below each.

Such a text reads ``Meaning. ``VARIABLE``: form; default: what.``, where form and default may be left out.
``python -m tests.docs.settings_page`` writes the page.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from reverie import settings
from reverie.settings import ModelSettings, Settings
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "settings.md"
_FIELD = re.compile(
    r"(?P<meaning>.*?)\s*``(?P<name>[A-Z_]+)``(?:: (?P<form>.*?))?(?:; default: (?P<default>.*))?\.?\Z", re.DOTALL
)
_INTRODUCTION = """\
# Settings

Made by `make docs` from `src/reverie/settings.py`. A process reads its settings from the environment once, when it
starts. From Python, `reverie.open(Settings(…))` takes the same fields instead. A value that cannot be used ends the
command with a line that names the variable. What a dream may claim is set for each store: see [policy](policy.md)."""
_ELSEWHERE = """\
## Read elsewhere

| variable | meaning | default |
| --- | --- | --- |
| `REVERIE_URL` | the server that `reverie agents`, `chat` and `worker` speak to | `http://127.0.0.1:8700` |
| `REVERIE_URL` | the server that `reverie watch` and hooks send sessions to | none: the database here |
| `REVERIE_API_KEY` | the key that `reverie agents`, `chat`, `watch` and hooks send | none |
| `REVERIE_COMMAND` | how the plugin for Claude Code calls `reverie` | `reverie` |
| `REVERIE_WORKER_KEY` | the key that `reverie worker` sends | |
| `REVERIE_MODEL_REQUESTS` | `local` forbids requests to models on other machines | `any` |
| `REVERIE_URL` | the server that `reverie worker` takes work of | `http://127.0.0.1:8700` |
| `REVERIE_WORKER_KEY` | the key of `reverie worker` for its environment | none |
| `REVERIE_TEST_PATIENCE` | seconds that one wait of a test may last | 300 |"""


def settings_page() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION]
    for title, record in (("Data and machine", Settings), ("The model", ModelSettings)):
        parts += [f"## {title}", "\n".join([*_HEADING, *_rows(record)])]
    return "\n\n".join([*parts, _ELSEWHERE]) + "\n"


_HEADING = ["| field | variable | meaning | form | default |", "| --- | --- | --- | --- | --- |"]


def _rows(record: type[msgspec.Struct]) -> Iterator[str]:
    texts = field_texts(record)
    for field in msgspec.structs.fields(record):
        found = _FIELD.match(texts.get(field.name, ""))
        if found is not None:
            default = (found["default"] or f"{field.default}").removesuffix(".").removesuffix(".0")
            cells = [
                f"`{field.name}`",
                f"`{found['name']}`",
                found["meaning"].removesuffix("."),
                found["form"] or "",
                default,
            ]
            yield f"| {' | '.join(cells)} |".replace("``", "`").replace("  ", " ")


def field_texts(record: type[msgspec.Struct]) -> dict[str, str]:
    """What stands below each field, on one line."""
    module = ast.parse(inspect.getsource(settings))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == record.__name__)
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
