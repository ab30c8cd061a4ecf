"""A file that describes an agent, and what it needs beside it: the fields of the API, in YAML."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from anthropic.types.beta import AgentCreateParams, EnvironmentCreateParams, MemoryStoreCreateParams

from reverie.errors import InputError

ENVIRONMENT = "environment"
MEMORY_STORE = "memory_store"
_OF_THE_REQUEST = {"betas", "workspace_id"}
"""Parameters of the SDK's calls that are headers, not fields."""


@dataclass(frozen=True)
class AgentFile:
    """What a file asks for: bodies of requests, with nothing made yet."""

    path: Path
    agent: Mapping[str, Any]
    environment: Mapping[str, Any] | None = None
    memory_store: Mapping[str, Any] | None = None


def read_agent_file(path: Path) -> AgentFile:
    """Read a file; what the server alone can tell is left to it.

    Raises:
        InputError: it cannot be read, or a field is unknown, missing or of the wrong kind; the message names both.
    """
    document = _mapping(path, "the file", _load(path))
    fields = _fields(AgentCreateParams)
    _check_names(path, "", document, [*fields, ENVIRONMENT, MEMORY_STORE])
    agent = {field: document[field] for field in fields if document.get(field) is not None}
    for field in ("name", "model"):
        if field not in agent:
            raise InputError(f"{path}: {field}: is missing; an agent needs one")
    for field in ("name", "system", "description"):
        _check_text(path, field, agent.get(field, ""))
    for field in ("tools", "mcp_servers", "skills"):
        if not isinstance(agent.get(field, []), list):
            raise InputError(f"{path}: {field}: must be a list; begin each entry with a dash")
    for name, value in _mapping(path, "metadata", agent.get("metadata", {})).items():
        _check_text(path, f"metadata.{name}", value)
    return AgentFile(
        path,
        agent,
        _named(path, ENVIRONMENT, document.get(ENVIRONMENT), _fields(EnvironmentCreateParams)),
        _named(path, MEMORY_STORE, document.get(MEMORY_STORE), _fields(MemoryStoreCreateParams)),
    )


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: is no YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is no YAML: {error}") from error


def _fields(parameters: type) -> list[str]:
    return [field for field in parameters.__annotations__ if field not in _OF_THE_REQUEST]


def _named(path: Path, place: str, value: Any, fields: list[str]) -> Mapping[str, Any] | None:
    """A resource given by its name, or by its fields."""
    if value is None or isinstance(value, str):
        return None if value is None else {"name": value}
    given = _mapping(path, place, value)
    _check_names(path, f"{place}.", given, fields)
    if "name" not in given:
        raise InputError(f"{path}: {place}.name: is missing; it is looked up by its name")
    _check_text(path, f"{place}.name", given["name"])
    return given


def _mapping(path: Path, place: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: {place}: must be names with values (`name: value`), not {_kind(value)}")
    return value


def _check_names(path: Path, prefix: str, given: Iterable[Any], known: list[str]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise InputError(f"{path}: {prefix}{name}: no such field; {hint}")


def _check_text(path: Path, place: str, value: Any) -> None:
    if not isinstance(value, str):
        raise InputError(f"{path}: {place}: must be text, not {_kind(value)}; put it in quotes")


def _kind(value: Any) -> str:
    kinds = {bool: "yes or no", int: "a number", float: "a number", list: "a list", dict: "a mapping", str: "text"}
    return "nothing" if value is None else kinds.get(type(value), f"a {type(value).__name__}")
