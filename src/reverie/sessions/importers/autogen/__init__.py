"""Runs of AutoGen: results, states and streams of its agents and teams, and chat histories of version 0.2.

A session is a JSON value, or a file whose lines or elements are its messages.
"""

from reverie.sessions.importers.autogen.run import parse_autogen
from reverie.sessions.importers.importer import Importer, Keys

__all__ = ["IMPORTERS"]

_MESSAGE = frozenset({"source", "type", "content"})
_SAID = frozenset({"content", "role", "name"})
_OLD_FIELDS = _SAID | {"tool_calls", "tool_responses", "function_call", "tool_call_id"}


def _is_run(keys: Keys) -> bool:
    lists = keys.top - keys.objects
    if "messages" in lists and "models_usage" in keys.deeper:
        return True
    if "type" in keys.top and not keys.top.isdisjoint({"agent_states", "llm_context", "message_thread"}):
        return True
    return "chat_history" in lists and not keys.top.isdisjoint({"chat_id", "human_input", "cost"})


def _is_stream(keys: Keys) -> bool:
    return keys.top >= _MESSAGE | {"models_usage"} or _SAID <= keys.top <= _OLD_FIELDS


IMPORTERS = (
    Importer("autogen", parse_autogen, has_keys=_is_stream, unit="file", whole_lines=True),
    Importer("autogen", parse_autogen, has_keys=_is_run),
)
