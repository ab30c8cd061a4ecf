"""Every module that is loaded by its name when it is first needed, by whom and why: no tool can follow such imports.

The public names of ``reverie`` itself are loaded in the same way, by the table in its ``__init__``, the wire types
that endpoints name by ``api/wire_type.py``, and what a server needs later by ``api/on_demand.py``.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class LazyModule:
    """Who loads a module, and the reason not to do so at the start."""

    importers: tuple[str, ...]
    reason: str


_COMMAND = LazyModule(("reverie.cli.main",), "a command need not wait for what the others need, statistics for one")

LAZY_MODULES: Mapping[str, LazyModule] = {
    "reverie.storage.postgres.migrate": LazyModule(
        ("reverie.storage.postgres.database",),
        "Alembic takes longer to load than an up-to-date database takes to open",
    ),
    "reverie.digests.vector": LazyModule(
        ("reverie.cli.memory_recall", "reverie.api.mcp_desk"),
        "the embedders' libraries take longer to load than a recall by words",
    ),
    "reverie.digests.derived.alternatives": LazyModule(
        ("reverie.digests.derived.words",), "a client looks at words alone, and needs no RE2 to ask a server"
    ),
    "reverie.telemetry.open_telemetry": LazyModule(
        ("reverie.telemetry.exporter",), "OpenTelemetry is an optional extra"
    ),
    "reverie.sessions.importers.otlp.protobuf": LazyModule(
        ("reverie.sessions.importers.otlp.request",), "OTLP's protobuf messages are an optional extra"
    ),
    "reverie.client.client": LazyModule(
        ("reverie.cli.mcp", "reverie.console.gateway"), "the official SDK takes longer to load than all else"
    ),
    "reverie.cli.agents": _COMMAND,
    "reverie.cli.charter": _COMMAND,
    "reverie.cli.audit": _COMMAND,
    "reverie.cli.erase": _COMMAND,
    "reverie.cli.briefing": _COMMAND,
    "reverie.cli.chat": _COMMAND,
    "reverie.turns.mcp_client": LazyModule(
        ("reverie.turns.mcp_servers",), "the MCP client is an optional extra, and takes a second to load"
    ),
    "reverie.runtime.json_shape": LazyModule(
        ("reverie.runtime.criteria", "reverie.runtime.role_file"), "few roles have a schema, and the library loads long"
    ),
    "reverie.teams.routing": LazyModule(
        ("reverie.turns.routing",), "a server that draws no agents needs no statistics for its turns"
    ),
    "reverie.cli.claude_code": _COMMAND,
    "reverie.cli.completion": _COMMAND,
    "reverie.cli.doctor": _COMMAND,
    "reverie.cli.dream": _COMMAND,
    "reverie.cli.explain": _COMMAND,
    "reverie.cli.export_lessons": _COMMAND,
    "reverie.cli.extensions": _COMMAND,
    "reverie.cli.friction": _COMMAND,
    "reverie.cli.grade": _COMMAND,
    "reverie.cli.hook": _COMMAND,
    "reverie.cli.keys": _COMMAND,
    "reverie.cli.label": _COMMAND,
    "reverie.cli.mcp": _COMMAND,
    "reverie.api.mcp_http": LazyModule(("reverie.api.mcp_server",), "the MCP SDK is an optional extra"),
    "reverie.api.mcp_tools": LazyModule(("reverie.cli.mcp",), "the MCP SDK is an optional extra"),
    "reverie.cli.mcp_relay": LazyModule(("reverie.cli.mcp",), "the MCP SDK is an optional extra"),
    "reverie.cli.memory": _COMMAND,
    "reverie.cli.memory_recall": _COMMAND,
    "reverie.cli.next_step": _COMMAND,
    "reverie.cli.outcomes": _COMMAND,
    "reverie.cli.policy": _COMMAND,
    "reverie.cli.pull": _COMMAND,
    "reverie.cli.rules": _COMMAND,
    "reverie.cli.serve": _COMMAND,
    "reverie.cli.sessions": _COMMAND,
    "reverie.cli.teams": _COMMAND,
    "reverie.cli.trials": _COMMAND,
    "reverie.cli.watch": _COMMAND,
    "reverie.cli.worker": _COMMAND,
    "reverie.recorder.home": LazyModule(
        ("reverie.recorder.recording",), "a program that records to a server needs no database and no statistics"
    ),
    "reverie.recorder.server": LazyModule(
        ("reverie.recorder.recording",), "loaded beside the program, when the first session is to be sent"
    ),
    "reverie.recorder.wrapping": LazyModule(
        ("reverie.recorder.session",), "it needs what sessions are recorded by, and not everybody wraps a client"
    ),
}


def load_module(name: str) -> ModuleType:
    """The module of this name, one of :data:`LAZY_MODULES`.

    Raises:
        ImportError: something that it needs is not installed.
    """
    if name not in LAZY_MODULES:
        raise KeyError(f"{name} is not in LAZY_MODULES of reverie/lazy_modules.py; add it with its reason")
    return importlib.import_module(name)
