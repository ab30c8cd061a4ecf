"""Templates as pages: what every template may use."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import jinja2

from reverie.reports import words

_STATIC = files("reverie.console") / "static"
STATIC: Mapping[str, Traversable] = {
    **{file.name: file for file in _STATIC.iterdir() if not file.name.endswith(".LICENSE")},
    "colours.css": files("reverie.reports") / "templates" / "colours.css",  # of reports, which pages frame
}
"""The files that pages load, by name."""


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so that browsers may keep it for good."""
    digest = hashlib.sha256(STATIC[name].read_bytes()).hexdigest()
    return f"/console/static/{digest[:12]}/{name}"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reverie.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.filters |= words.FILTERS | {"tojson_plain": _json}
    return environment


def _json(value: Any) -> str:
    """A document as JSON that people read; the template escapes it."""
    return json.dumps(value, indent=1, ensure_ascii=False)


def render(template: str, values: dict[str, Any]) -> str:
    """A page, without characters that no page may hold."""
    return words.printable(_environment().get_template(template).render(values))
