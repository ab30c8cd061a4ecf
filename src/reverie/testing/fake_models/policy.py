"""Who decides the replies: a list, a function of the request, or a file with a list."""

import importlib
from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from reverie.errors import InputError, ReverieError
from reverie.testing.fake_models.reply import (
    QUIRKS,
    Block,
    FaultName,
    Quirk,
    Reply,
    StopReason,
    Text,
    Thinking,
    ToolUse,
    Usage,
    fault,
    say,
)
from reverie.testing.fake_models.request import Request

Answer = Reply | str
"""A text is a reply that says it."""
Decision = Callable[[Request], Answer | Awaitable[Answer]]
Policy = Decision | Iterable[Answer]
_SUFFIXES = (".json", ".yaml", ".yml")


class PolicyError(ReverieError):
    """The policy has no usable reply to a request."""


class ScriptedCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool, in a script."""

    tool: str
    input: dict[str, Any] = {}
    id: str | None = None


class ScriptedReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a script file. Blocks are in the order ``think``, ``say``, ``calls``; ``blocks`` gives any other."""

    think: str | None = None
    say: str | None = None
    calls: tuple[ScriptedCall, ...] = ()
    blocks: tuple[Block, ...] = ()
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    fault: FaultName | None = None
    after: int | None = None
    delay: float | None = None
    retry_after: float | None = None
    message: str | None = None
    quirks: tuple[Quirk, ...] = QUIRKS

    def reply(self) -> Reply:
        """The reply it stands for.

        Raises:
            InputError: the fault's numbers make no sense.
        """
        thoughts = () if self.think is None else (Thinking(self.think),)
        words = () if self.say is None else (Text(self.say),)
        calls = tuple(ToolUse(entry.tool, entry.input, entry.id) for entry in self.calls)
        blocks = (*thoughts, *words, *calls, *self.blocks)
        said = Reply(blocks, self.stop_reason, self.stop_sequence, self.usage)
        if self.fault is None:
            return said
        details: dict[str, Any] = {name: getattr(self, name) for name in ("after", "delay", "retry_after", "message")}
        return fault(self.fault, said if blocks else say("…") + said, quirks=self.quirks, **details)


class Script:
    """Replies one after the other."""

    def __init__(self, replies: Iterable[Answer]) -> None:
        self._replies = iter(replies)

    def __call__(self, request: Request) -> Answer:
        """The next reply.

        Raises:
            PolicyError: there is none left.
        """
        for reply in self._replies:
            return reply
        raise PolicyError(f"the script has no reply to request {request.number}")


def as_decision(policy: Policy) -> Decision:
    """The policy as a function.

    Raises:
        InputError: it is neither a function nor a list.
    """
    if callable(policy):
        return policy
    if isinstance(policy, str) or not isinstance(policy, Iterable):
        raise InputError(f"a policy is a list of replies or a function of the request, not {policy!r}")
    return Script(policy)


async def decide(decision: Decision, request: Request) -> Reply:
    """The reply to a request.

    Raises:
        PolicyError: there is none, or it is of another kind.
    """
    answer = decision(request)
    if isawaitable(answer):
        answer = await answer
    if isinstance(answer, str):
        answer = Reply((Text(answer),))
    if not isinstance(answer, Reply):
        raise PolicyError(
            f"the policy gave a {type(answer).__name__} at request {request.number}; give a Reply or a text"
        )
    return answer


def load_policy(name: str) -> Policy:
    """The policy of that name: a file (``.json``, ``.yaml``) with a list of replies, or ``module:function``.

    Raises:
        InputError: there is no such file or function, or the file is malformed.
    """
    if name.endswith(_SUFFIXES):
        return read_script(Path(name))
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(f"{name!r} is neither a file ({', '.join(_SUFFIXES)}) nor module:function")
    try:
        found: Policy = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"the policy {name!r} cannot be loaded: {error}") from error
    return found


def read_script(path: Path) -> list[Reply]:
    """The replies in a script file: a list of texts and of objects (:class:`ScriptedReply`).

    Raises:
        InputError: the file cannot be read, or an entry is malformed; the message names it.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"the script {path} cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise InputError(f"the script {path} must be a list of replies")
    return [_entry(path, number, entry) for number, entry in enumerate(entries, 1)]


def _entry(path: Path, number: int, entry: Any) -> Reply:
    if isinstance(entry, str):
        return Reply((Text(entry),))
    try:
        return msgspec.convert(entry, ScriptedReply).reply()
    except (msgspec.ValidationError, InputError) as error:
        raise InputError(f"{path}: reply {number}: {error}") from error
