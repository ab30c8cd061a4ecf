"""What messages and results may hold: what a model takes as its history on every later turn."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.errors import InputError

MOST_SYSTEM_BLOCKS = 1000
MOST_ITERATIONS = 20
MOST_RUBRIC_CHARACTERS = 262_144

_MESSAGES = ("user.message", "system.message", "agent.message")
_RESULTS = ("user.tool_result", "user.custom_tool_result", "agent.tool_result", "agent.mcp_tool_result")

Event = Mapping[str, Any]


def check_content(place: str, event: Event) -> None:
    """Accept what an event holds, of its type already.

    Model APIs refuse a history with messages and texts in which there is nothing, so one that is kept would end every
    later turn of its session.

    Args:
        place: where the event is in the request, such as ``events.0``.

    Raises:
        InputError: a message, a result or a text is empty, or a number or a length is out of bounds.
    """
    if event["type"] in _MESSAGES:
        _check_blocks(f"{place}.content", event.get("content") or (), "leave the event out")
        if event["type"] == "system.message" and len(event["content"]) > MOST_SYSTEM_BLOCKS:
            raise InputError(
                f"{place}.content: {len(event['content'])} blocks; at most {MOST_SYSTEM_BLOCKS} are allowed"
            )
    elif event["type"] in _RESULTS and event.get("content") is not None:
        _check_blocks(f"{place}.content", event["content"], "leave content out where a tool gave nothing")
    elif event["type"] == "user.define_outcome":
        _check_outcome(place, event)


def file_sources(place: str, event: Event) -> Iterator[tuple[str, str]]:
    """The files that an event's images and documents are: where each is named, and its id."""
    content = event.get("content")
    for number, block in enumerate(content if isinstance(content, list) else ()):
        source = block.get("source")
        if isinstance(source, Mapping) and source.get("type") == "file":
            yield f"{place}.content.{number}.source.file_id", source["file_id"]


def _check_blocks(place: str, blocks: Sequence[Mapping[str, Any]], instead: str) -> None:
    if not blocks:
        raise InputError(f"{place}: is empty; give at least one block, or {instead}")
    for number, block in enumerate(blocks):
        if block.get("type") == "text" and not block["text"].strip():
            raise InputError(f"{place}.{number}.text: there is no text; write something, or {instead}")


def _check_outcome(place: str, event: Event) -> None:
    if not event["description"].strip():
        raise InputError(f"{place}.description: there is no text; say what is to be done")
    most = event.get("max_iterations")
    if most is not None and not 1 <= most <= MOST_ITERATIONS:
        raise InputError(f"{place}.max_iterations: {most} is out of bounds; give 1 to {MOST_ITERATIONS}")
    rubric = event["rubric"]
    if rubric["type"] != "text":
        return
    if not rubric["content"].strip():
        raise InputError(f"{place}.rubric.content: there is no text; say what a good outcome is")
    if len(rubric["content"]) > MOST_RUBRIC_CHARACTERS:
        raise InputError(
            f"{place}.rubric.content: {len(rubric['content']):,} characters; at most {MOST_RUBRIC_CHARACTERS:,} are"
            " taken"
        )
