"""What a tool's name says about it."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_HANDING = frozenset({"transfer", "route", "forward", "handoff", "hand", "connect", "talk", "speak", "handover"})
_PEOPLE = frozenset(
    {"human", "humans", "agent", "agents", "person", "supervisor", "representative", "operator", "manager"}
)
_LOOKING = frozenset({
    "search", "find", "list", "get", "read", "query", "lookup", "look", "fetch", "grep", "glob", "retrieve", "check",
    "show", "describe", "inspect", "view", "select",
})  # fmt: skip
_DATABASE = frozenset({"list", "describe", "show", "get", "inspect", "database", "db", "sql"})
_TABLES = frozenset({"table", "tables", "columns"})
_REMEMBERING = frozenset({"memory", "memories", "recall"})
_WRITING = frozenset({
    "write", "edit", "create", "delete", "remove", "save", "store", "add", "update", "append", "insert", "replace",
    "forget", "set", "put", "clear",
})  # fmt: skip


@lru_cache(maxsize=4096)
def words_of(tool: str) -> frozenset[str]:
    """The words in a tool's name, lower-cased: ``runSQL_query`` has ``run``, ``sql`` and ``query``."""
    return frozenset(word.lower() for word in _WORD.findall(tool))


@lru_cache(maxsize=4096)
def escalates(tool: str) -> bool:
    """Whether the tool hands the case to a person: ``transfer_to_human_agents``, ``escalate_ticket``, ``handoff``."""
    words = words_of(tool)
    if words & {"escalate", "escalation", "handoff", "handover"}:
        return True
    return bool(words & _HANDING and words & _PEOPLE)


@lru_cache(maxsize=4096)
def looks_up(tool: str) -> bool:
    """Whether the tool is there to find something, so that saying nothing means it found nothing."""
    return not words_of(tool).isdisjoint(_LOOKING)


@lru_cache(maxsize=4096)
def inspects_schema(tool: str) -> bool:
    """Whether the tool reads a database's layout: ``list_tables``, ``get_schema``, ``sql_db_schema``."""
    words = words_of(tool)
    return "schema" in words or bool(words & _TABLES and words & _DATABASE)


@lru_cache(maxsize=4096)
def writes(tool: str) -> bool:
    """Whether the tool changes what it is pointed at: ``write_file``, ``memory_update``."""
    return not words_of(tool).isdisjoint(_WRITING)


@lru_cache(maxsize=4096)
def remembers(tool: str) -> bool:
    """Whether the tool is about the agent's memory: ``memory_search``, ``recall``."""
    return not words_of(tool).isdisjoint(_REMEMBERING)
