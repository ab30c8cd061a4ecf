"""Who speaks in a message: the words that logs use for the four roles."""

import re
from collections.abc import Mapping
from typing import Any, Literal

Role = Literal["system", "user", "agent", "tool"]

_WORDS: Mapping[Role, tuple[str, ...]] = {
    "system": ("system", "developer", "instruction", "instructions", "root", "platform", "system_prompt"),
    "user": ("user", "human", "customer", "client", "prompter", "usr", "end_user", "enduser", "person", "guest"),
    "agent": (
        *("assistant", "agent", "ai", "gpt", "chatgpt", "bot", "chatbot", "model", "llm", "claude", "gemini", "llama"),
        *("bard", "assistant_message", "function_call", "tool_call", "tool_calls", "tool_use", "action"),
    ),
    "tool": (
        *("tool", "function", "ipython", "observation", "environment", "env", "tool_result", "tool_results"),
        *("tool_response", "tool_output", "function_response", "function_result", "function_call_output", "terminal"),
        *("executor", "code_interpreter", "interpreter", "computer", "execution", "toolresult", "tool_call_output"),
    ),
}
_ROLES: dict[str, Role] = {word: role for role, words in _WORDS.items() for word in words}
_FIELDS = ("role", "from", "sender", "speaker", "author", "type", "source")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_APART = re.compile(r"[^a-z0-9]+")


def role_named(message: Mapping[str, Any]) -> str:
    """The word that says who speaks, as the message has it; empty when nothing says."""
    word = message.get("role")
    if isinstance(word, str) and word in _ROLES:
        return word  # nearly always
    for field in _FIELDS:
        value = message.get(field)
        if isinstance(value, Mapping):  # ChatGPT writes {"author": {"role": "user"}}
            value = value.get("role")
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def role_of(word: str) -> Role | None:
    """The role that ``word`` means: ``ASSISTANT``, ``gpt``, ``HumanMessage``, ``assistant (final)``; else None."""
    known = _ROLES.get(word)
    if known is not None:
        return known
    plain = _APART.sub("_", _CAMEL.sub("_", word).lower()).strip("_").removesuffix("_message").removesuffix("_chunk")
    plain = plain.removesuffix("_message")
    return _ROLES.get(plain) or _ROLES.get(plain.partition("_")[0])
