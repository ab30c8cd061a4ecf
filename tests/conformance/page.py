"""``docs/compatibility.md``: every method of the SDK, what is checked of it, and where the server differs.

``python -m tests.conformance.page`` writes it.
"""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from reverie.api.app import ENDPOINTS
from tests.conformance.divergences import CLIENT_SIDE, DIVERGENCES, MAY_BE_ABSENT
from tests.conformance.exercises import EXERCISES
from tests.conformance.sdk_methods import sdk_methods

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility.md"
_INTRODUCTION = (
    "Made by `python -m tests.conformance.page`. Checked with the official Python SDK {sdk}, sync and async, against a "
    "server process; every answer, page and streamed event is validated strictly against the type that the SDK's "
    "method returns."
)
_FOLDER = Path(__file__).parent
_ENDPOINTS = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def compatibility_page() -> str:
    """The page as Markdown."""
    sdk = ".".join(version("anthropic").split(".")[:2])
    parts = [
        "# Compatibility with the Managed Agents API",
        _INTRODUCTION.format(sdk=sdk),
        "## Methods",
        "\n".join(_methods()),
        "## Behaviour",
        "Each line is the name of a test in `tests/conformance`.",
        *_behaviours(),
        "## Differences",
        "\n".join(_differences()),
        "## Left out of answers",
        "The SDK's types let these be absent; everything else that may be null is there as `null`.",
        "\n".join(f"- `{member}`: {reason}" for member, reason in sorted(MAY_BE_ABSENT.items())),
        "## Beyond the API",
        "Reverie's own endpoints follow the same conventions; the OpenAPI document tags them `extension`.",
        "\n".join(_extensions()),
    ]
    return "\n\n".join(parts) + "\n"


def _methods() -> Iterator[str]:
    yield "| `client.beta.…` | status | exercise |"
    yield "| --- | --- | --- |"
    for method in sdk_methods():
        exercise = EXERCISES[method]
        place = f"`{exercise.__module__.rpartition('.')[2]}.{exercise.__name__}`"
        yield f"| `{method}` | {status_of(method)} | {place} |"


def status_of(method: str) -> str:
    """What becomes of a method's requests."""
    if method in _ENDPOINTS:
        return f"served: `{_ENDPOINTS[method].method} {_ENDPOINTS[method].path}`"
    return f"works: {CLIENT_SIDE[method]}" if method in CLIENT_SIDE else "not served"


def _behaviours() -> Iterator[str]:
    for path in sorted(_FOLDER.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [
            node.name
            for node in tree.body
            if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_") and path.stem != "test_methods"
        ]
        if names:
            lines = [f"- {name.removeprefix('test_').replace('_', ' ')}" for name in names]
            yield f"### {path.stem.removeprefix('test_').replace('_', ' ').capitalize()}"
            yield "\n".join(lines)


def _differences() -> Iterator[str]:
    yield "| about | hosted | here | why |"
    yield "| --- | --- | --- | --- |"
    for x in DIVERGENCES:
        yield f"| {x.about} | {x.hosted} | {x.here} | {x.reason} |"


def _extensions() -> Iterator[str]:
    yield "| endpoint | what it does |"
    yield "| --- | --- |"
    for endpoint in ENDPOINTS:
        if endpoint.extension:
            yield f"| `{endpoint.method} {re.sub(':path', '', endpoint.path)}` | {endpoint.summary} |"


if __name__ == "__main__":
    PAGE.write_text(compatibility_page(), encoding="utf-8")
