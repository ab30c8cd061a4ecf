"""Runs of AutoGen: results, states and streams of its agents and teams, and chat histories of version 0.2.

``autogen`` has a session in each JSON value; in ``autogen-stream`` the lines or elements are the messages of one.
"""

from reverie.sessions.importers.autogen.run import parse_run, parse_stream
from reverie.sessions.importers.importer import Importer, Keys

__all__ = ["IMPORTER", "STREAM"]

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


IMPORTER = Importer("autogen", parse_run, has_keys=_is_run)
STREAM = Importer("autogen-stream", parse_stream, has_keys=_is_stream, unit="file", whole_lines=True)
