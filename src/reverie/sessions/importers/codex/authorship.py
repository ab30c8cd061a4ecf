"""Who wrote what stands in a user's message: the person, or Codex itself."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_text

_PERSON = "user"
_INJECTED = re.compile(
    r"\s*(?:<(?:environment_context|user_instructions|permissions|skills?_instructions|skills?|subagent_notification"
    r"|turn_aborted|user_shell_command|collaboration_mode|model_switch|token_budget|INSTRUCTIONS|image_content"
    r"|apps_instructions|plugins?_instructions|environments?_instructions|personality_spec|realtime_conversation"
    r"|hook_prompt|context_window|recommended_plugins|goal_context|goal|memor(?:y|ies))[\s>_]"
    r"|# AGENTS\.md instructions|# CLAUDE\.md instructions)"
)
"""How the messages begin that Codex writes in the user's place, in versions that do not say so."""
_SUMMARY = "Another language model started to solve this problem and produced a summary"


_REQUEST = re.compile(r"\A\s*# (?:.*\n)+?## My request for Codex:[ \t]*\n")
"""What editors put before a person's words."""


def by_program(text: str) -> bool:
    """Whether ``text``, which stands in a user's message, is one that Codex puts in."""
    return _INJECTED.match(text) is not None or text.startswith(_SUMMARY)


def user_texts(payload: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Each part of a user's message, and whether a person wrote it: newer versions say so themselves."""
    content = payload.get("content")
    said = _stated(payload)
    for number, part in enumerate(content if isinstance(content, list) else [content]):
        text = part if isinstance(part, str) else as_text(part.get("text")) if isinstance(part, dict) else ""
        stated = said[number] if number < len(said) else None
        before = _REQUEST.match(text)
        if before:
            yield text[: before.end()].strip(), False
            yield text[before.end() :], True
        else:
            yield part, (stated if stated is not None else not by_program(text))


def _stated(payload: Mapping[str, Any]) -> list[bool | None]:
    inner = payload.get("internal_chat_message_metadata_passthrough")
    kinds = inner.get("content_item_kinds") if isinstance(inner, dict) else None
    if not isinstance(kinds, list):
        return []
    return [kind.split(".")[0] == _PERSON if isinstance(kind, str) and "." in kind else None for kind in kinds]
