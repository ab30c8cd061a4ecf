"""All that others may rely on, one name a line: ``tests/docs/exported.txt``.

``python -m tests.docs.exported`` writes it.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec

import reverie
import reverie.client
import reverie.testing
from reverie.api.app import ENDPOINTS
from tests.docs.cli_page import commands

FILE = Path(__file__).with_name("exported.txt")
_MODULES = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])")


def exported() -> str:
    """The file's text."""
    lines = {*_library(), *_modules(reverie.client), *_modules(reverie.testing), *_commands(), *_endpoints()}
    return "".join(f"{line}\n" for line in sorted(lines))


def _library() -> Iterator[str]:
    for name in reverie.__all__:
        yield from _describe(f"python reverie.{name}", getattr(reverie, name))


def _modules(package: ModuleType) -> Iterator[str]:
    """What the package's public modules define; of a package that lists its names, those alone."""
    listing: list[str] = []
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "._" in found.name or any(found.name.startswith(f"{name}.") for name in listing):
            continue
        module = importlib.import_module(found.name)
        if found.ispkg and hasattr(module, "__all__"):
            listing.append(found.name)
            for name in module.__all__:
                yield from _describe(f"python {module.__name__}.{name}", getattr(module, name))
            continue
        for name, value in vars(module).items():
            defined = getattr(value, "__module__", None) == module.__name__
            if not name.startswith("_") and (defined or name.isupper()):
                yield from _describe(f"python {module.__name__}.{name}", value)


def _describe(name: str, value: Any) -> Iterator[str]:
    if not isinstance(value, type):
        yield name + (_signature(value) if callable(value) else "")
        return
    yield name
    if issubclass(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            required = "" if field.required else " = …"
            yield f"{name}.{field.name}: {_short(_annotation(field.type))}{required}"
    elif "__init__" in vars(value):
        yield f"{name}.__init__{_signature(value.__init__)}"
    for member, found in inspect.getmembers(value):
        ours = callable(found) and str(getattr(found, "__module__", "")).startswith("reverie")
        if ours and not member.startswith("_") and not isinstance(found, type):
            yield f"{name}.{member}{_signature(found)}"
        elif isinstance(found, property) and (found.fget and found.fget.__module__.startswith("reverie")):
            yield f"{name}.{member}"


def _signature(function: Any) -> str:
    """Parameters with types; of a default only that there is one, since it may be tuned."""
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(default=parameter.empty if parameter.default is parameter.empty else ...)
        for parameter in signature.parameters.values()
    ]
    return _short(str(signature.replace(parameters=parameters)).replace("Ellipsis", "…"))


def _annotation(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)


def _short(text: str) -> str:
    """Types by their own names, wherever they live: a module may move as long as the public name stays."""
    return _MODULES.sub("", text).replace("'", "")


def _commands() -> Iterator[str]:
    for path, command in commands():
        yield f"command {path}"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield f"command {path} {'/'.join([*parameter.opts, *parameter.secondary_opts])}"
            else:
                yield f"command {path} {parameter.make_metavar(click.Context(command))}"


def _endpoints() -> Iterator[str]:
    for endpoint in ENDPOINTS:
        yield f"http {endpoint.path} {endpoint.method}"


if __name__ == "__main__":
    FILE.write_text(exported(), encoding="utf-8")
