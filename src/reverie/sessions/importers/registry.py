"""Every session format that can be imported: our own, and those of other packages."""

from collections.abc import Sequence

from reverie.errors import ImportFormatError
from reverie.extensions import IMPORTERS, ExtensionPoint, load, names
from reverie.sessions.event import Event
from reverie.sessions.importers.ag_ui import IMPORTER as AG_UI
from reverie.sessions.importers.autogen import IMPORTERS as AUTOGEN
from reverie.sessions.importers.chat import IMPORTER as CHAT
from reverie.sessions.importers.chatgpt import IMPORTER as CHATGPT
from reverie.sessions.importers.claude_code import IMPORTER as CLAUDE_CODE
from reverie.sessions.importers.codex import IMPORTER as CODEX
from reverie.sessions.importers.gemini_cli import IMPORTER as GEMINI_CLI
from reverie.sessions.importers.importer import Importer
from reverie.sessions.importers.inspect_log import IMPORTER as INSPECT
from reverie.sessions.importers.intercode import IMPORTER as INTERCODE
from reverie.sessions.importers.letta import IMPORTER as LETTA
from reverie.sessions.importers.managed_agents import IMPORTER as MANAGED_AGENTS
from reverie.sessions.importers.openhands import IMPORTER as OPENHANDS
from reverie.sessions.importers.other import fitted
from reverie.sessions.importers.otlp import IMPORTER as OTLP
from reverie.sessions.importers.reverie_lines import IMPORTER as REVERIE_LINES
from reverie.sessions.importers.swe_agent import IMPORTER as SWE_AGENT
from reverie.sessions.importers.tau2_bench import IMPORTER as TAU2_BENCH
from reverie.sessions.importers.tau_bench import IMPORTER as TAU_BENCH
from reverie.sessions.importers.tracing.langfuse import IMPORTERS as LANGFUSE
from reverie.sessions.importers.tracing.langsmith import IMPORTERS as LANGSMITH
from reverie.sessions.importers.tracing.mlflow import IMPORTERS as MLFLOW
from reverie.sessions.importers.tracing.openai_agents import IMPORTERS as OPENAI_AGENTS
from reverie.sessions.importers.tracing.phoenix import IMPORTERS as PHOENIX

OURS = (
    *(REVERIE_LINES, MANAGED_AGENTS, TAU_BENCH, TAU2_BENCH, SWE_AGENT),
    INSPECT,
    GEMINI_CLI,
    *AUTOGEN,
    LETTA,
    AG_UI,
    CHATGPT,
    *MLFLOW,
    *PHOENIX,
    *(CHAT, CLAUDE_CODE, INTERCODE, OTLP),
    *(CODEX, OPENHANDS, *LANGFUSE, *LANGSMITH, *OPENAI_AGENTS),
)
"""In the order in which they are asked whether a file is theirs; a format with two layouts is there twice."""

POINT = ExtensionPoint(IMPORTERS, {importer.name: importer for importer in OURS}, fitted)


def formats() -> tuple[str, ...]:
    """The names of all formats."""
    return names(POINT)


def other_formats() -> tuple[str, ...]:
    """The names of those that other packages bring."""
    return tuple(name for name in formats() if name not in POINT.ours)


def importer_named(name: str) -> Importer:
    """The importer of the format ``name``.

    Raises:
        ImportFormatError: there is none.
        ExtensionError: it is another package's, and broken.
    """
    importer = load(POINT, name)
    if importer is None:
        raise ImportFormatError(f"format {name!r} is unknown; known are {', '.join(formats())}")
    return importer


def identity_of(source: str, events: Sequence[Event]) -> Sequence[Event]:
    """``events`` of a session from ``source`` as its id and its hash are made of them.

    Raises:
        ExtensionError: the source is a format of another package, which is broken.
    """
    importer = load(POINT, source)
    return events if importer is None else importer.identity(events)
