"""Conversations of a ChatGPT export (``conversations.json``): trees of messages, of which one branch was the last seen.

OpenAI documents no format; read are the shapes that exports of 2023 to 2026 have.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import Draft, EventLog, as_text
from reverie.sessions.importers.importer import Importer, Keys
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.messages import Reading, record_parts
from reverie.sessions.importers.parts import Answered, Called, Part, Said, Thought, Unread
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.roles import role_of
from reverie.sessions.importers.tool_arguments import tool_arguments
from reverie.sessions.session import Session

_TO_ALL = frozenset({"", "all"})
_FAILED = ("failed", "error", "timeout")
"""How the status of a run of code begins where it went wrong."""

Node = Mapping[str, Any]


def parse_chatgpt(record: RawRecord) -> Draft:
    """Read one conversation.

    Raises:
        ImportFormatError: it holds no message that can be read.
    """
    row = decode_json(record.data)
    mapping = row.get("mapping") if isinstance(row, dict) else None
    if not isinstance(mapping, dict):
        raise ImportFormatError("mapping is not an object of messages")
    nodes = {name: node for name, node in mapping.items() if isinstance(node, dict)}
    log = EventLog()
    if len(nodes) < len(mapping):
        log.warn(f"mapping holds {len(mapping) - len(nodes)} nodes that are no objects; they are left out")
    tellings: dict[str | None, _Telling] = {}
    for node, thread in _walk(nodes, as_text(row.get("current_node"))):
        message = node.get("message")
        if isinstance(message, dict):
            tellings.setdefault(thread, _Telling(Reading(log), thread)).tell(message)
    for telling in tellings.values():
        telling.reading.warn_unread("messages")
    if not log.events:
        raise ImportFormatError("the conversation holds no message that can be read")
    return Draft(_session(row, nodes, log), log)


def _walk(nodes: Mapping[str, Node], current: str) -> Iterator[tuple[Node, str | None]]:
    """The nodes from the root on, each with its thread: None on the current branch, else ``branch-N``.

    Where the user or the model began anew, what was given up comes first.
    """
    roots = [name for name, node in nodes.items() if as_text(node.get("parent")) not in nodes]
    line = set(_line(nodes, current if current in nodes else _latest(nodes)))
    children = _children(nodes)
    waiting: list[tuple[str, str | None]] = []
    number, met = 0, set[str]()

    def put(names: Sequence[str], thread: str | None, *, on_line: bool) -> None:
        nonlocal number
        main = next((name for name in names if name in line), names[-1] if names and not on_line else None)
        if main is not None:
            waiting.append((main, thread))
        for name in reversed([name for name in names if name != main]):
            number += 1
            waiting.append((name, f"branch-{number}"))

    put(roots, None, on_line=True)
    while waiting:
        name, thread = waiting.pop()
        if name in met:
            continue
        met.add(name)
        yield nodes[name], thread
        put(children[name], thread, on_line=thread is None)


def _children(nodes: Mapping[str, Node]) -> dict[str, list[str]]:
    """Node → those after it: as it lists them, then those that say it is before them."""
    found: dict[str, dict[str, None]] = {name: {} for name in nodes}
    for name, node in nodes.items():
        given = node.get("children")
        listed = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
        found[name].update(dict.fromkeys(one for one in listed if one in nodes))
    for name, node in nodes.items():
        if (parent := as_text(node.get("parent"))) in nodes:
            found[parent].setdefault(name)
    return {name: list(held) for name, held in found.items()}


def _line(nodes: Mapping[str, Node], name: str) -> Iterator[str]:
    met = set[str]()
    while name in nodes and name not in met:
        met.add(name)
        yield name
        name = as_text(nodes[name].get("parent"))


def _latest(nodes: Mapping[str, Node]) -> str:
    def time(name: str) -> float:
        message = nodes[name].get("message")
        at = message.get("create_time") if isinstance(message, dict) else None
        return float(at) if isinstance(at, int | float) else 0.0

    return max(nodes, key=time, default="")


class _Telling:
    """Adds the messages of one branch to the log."""

    def __init__(self, reading: Reading, thread: str | None) -> None:
        self.reading = reading
        self._thread = thread
        self._called = ""
        """The tool that was called last."""

    def tell(self, message: Mapping[str, Any]) -> None:
        """Add what the message holds."""
        author = message.get("author")
        author = author if isinstance(author, dict) else {}
        role = role_of(as_text(author.get("role"))) or "agent"
        content = message.get("content")
        content = content if isinstance(content, dict) else {"content_type": "text", "parts": [content]}
        at = self.reading.log.time(message.get("create_time"), "create_time")
        parts = list(_parts(content))
        recipient = as_text(message.get("recipient"))
        if content.get("content_type") in ("user_editable_context", "model_editable_context"):
            role = "system"
        elif role == "agent" and recipient not in _TO_ALL:
            parts = [_call(recipient, content, parts)]
            self._called = recipient
        elif role == "tool":
            parts = [self._result(as_text(author.get("name")), message, content, parts)]
        record_parts(self.reading, role, parts, at, self._thread)

    def _result(self, name: str, message: Mapping[str, Any], content: Node, parts: Sequence[Part]) -> Part:
        same = self._called.partition(".")[0] == name.partition(".")[0]
        texts = tuple(part.text for part in parts if isinstance(part, Said | Unread) and part.text)
        metadata = message.get("metadata")
        outcome = metadata.get("aggregate_result") if isinstance(metadata, dict) else None
        status = as_text(outcome.get("status")) if isinstance(outcome, dict) else ""
        failed = content.get("content_type") == "system_error" or status.startswith(_FAILED)
        return Answered("", self._called if same else name, texts, True if failed else False if status else None)


def _call(recipient: str, content: Node, parts: Sequence[Part]) -> Part:
    text = "\n".join(part.text for part in parts if isinstance(part, Said))
    arguments = tool_arguments(text)
    if content.get("content_type") == "code" and arguments.keys() == {"raw"}:
        arguments = {"code": text}
    return Called(recipient, arguments, "")


def _parts(content: Node) -> Iterator[Part]:
    kind = as_text(content.get("content_type"))
    if kind == "thoughts":
        thoughts = content.get("thoughts")
        for thought in thoughts if isinstance(thoughts, list) else ():
            given = [thought.get(field) for field in ("summary", "content")] if isinstance(thought, dict) else [thought]
            if text := "\n".join(as_text(one) for one in given if one):
                yield Thought(text)
    elif kind == "reasoning_recap":
        return  # how long it thought
    elif isinstance(content.get("parts"), list):
        for part in content["parts"]:
            yield from _part(part)
    else:
        fields = ("text", "result", "content", "user_profile", "user_instructions", "model_set_context")
        texts = [as_text(content[field]) for field in fields if content.get(field)]
        if texts:
            yield Said("\n".join(texts))
        elif kind:
            yield Unread(f"content of type {kind}", f"[{kind}]")


def _part(part: Any) -> Iterator[Part]:
    if isinstance(part, dict):
        kind = as_text(part.get("content_type")) or "part"
        text = as_text(part.get("text"))
        yield Said(text) if text else Unread(f"part of type {kind}", f"[{kind}]")
    elif text := as_text(part):
        yield Said(text)


def _session(row: Mapping[str, Any], nodes: Mapping[str, Node], log: EventLog) -> Session:
    told = [node["message"] for node in nodes.values() if isinstance(node.get("message"), dict)]
    slugs = [one["metadata"].get("model_slug") for one in told if isinstance(one.get("metadata"), dict)]
    model = next((as_text(slug) for slug in slugs if slug), "") or as_text(row.get("default_model_slug"))
    times = [event.at for event in log.events if event.at is not None]
    metadata = {"title": row.get("title"), "gizmo_id": row.get("gizmo_id")}
    return Session(
        id=as_text(row.get("conversation_id") or row.get("id")),
        source="chatgpt",
        agent="chatgpt",
        model=model or None,
        started_at=min(times, default=None) or log.time(row.get("create_time"), "create_time"),
        ended_at=max(times, default=None) or log.time(row.get("update_time"), "update_time"),
        metadata={name: as_text(value) for name, value in metadata.items() if value},
    )


def _is_chatgpt(keys: Keys) -> bool:
    return "mapping" in keys.objects and not keys.top.isdisjoint({"current_node", "conversation_id", "create_time"})


IMPORTER = Importer("chatgpt", parse_chatgpt, has_keys=_is_chatgpt)
