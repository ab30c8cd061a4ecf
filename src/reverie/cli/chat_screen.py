"""What a conversation with an agent looks like in a terminal: text as it comes, a line for each call and result."""

import shutil
from typing import Any, Protocol

import click
import msgspec

from reverie.display_name import printable

CALLS = ("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use")
_RESULTS = ("agent.tool_result", "agent.mcp_tool_result", "user.tool_result")
_LEAST_WIDTH = 20


class Screen(Protocol):
    """Where events go."""

    def show(self, event: Any) -> None:
        """Show an event of a stream, as the SDK has it."""


class JsonScreen:
    """Each event as a line of JSON."""

    def show(self, event: Any) -> None:
        """Print the event."""
        click.echo(msgspec.json.encode(event.to_dict(mode="json")))


class TextScreen:
    """Events for people."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        """Texts of events that are on their way, by id."""
        self._at_line_start = True

    def show(self, event: Any) -> None:
        """Print what a person wants to see of the event."""
        if event.type == "event_start":
            if event.event.type == "agent.message":
                self._shown[event.event.id] = ""
        elif event.type == "event_delta":
            self._more(event.event_id, event.delta.content.text)
        elif event.type == "agent.message":
            self._message(event.id, "".join(block.text for block in event.content if block.type == "text"))
        elif event.type == "span.model_request_end":
            self._shown.clear()
            self._end_line()
        elif event.type in CALLS:
            self._line(f"→ {describe_call(event)}")
        elif event.type in _RESULTS:
            self._line(f"{'✗' if event.is_error else '←'} {_result_text(event)}")
        elif event.type == "agent.thread_message_received":
            self._line(f"← {one_line(event.from_agent_name or 'another agent')}: {_result_text(event)}")
        elif event.type == "session.error":
            self._end_line()
            click.echo(f"error: {printable(event.error.message)}", err=True)

    def _more(self, event_id: str, text: str) -> None:
        if event_id in self._shown:
            self._shown[event_id] += text
            self._write(text)

    def _message(self, event_id: str, text: str) -> None:
        shown = self._shown.pop(event_id, "")
        if not text.startswith(shown):
            self._end_line()
            shown = ""
        self._write(text[len(shown) :])
        self._end_line()

    def _write(self, text: str) -> None:
        if clean := printable(text):
            click.echo(clean, nl=False)
            self._at_line_start = clean.endswith("\n")

    def _end_line(self) -> None:
        if not self._at_line_start:
            click.echo()
            self._at_line_start = True

    def _line(self, text: str) -> None:
        self._end_line()
        width = max(shutil.get_terminal_size().columns, _LEAST_WIDTH)
        click.echo(text if len(text) <= width else text[: width - 1] + "…")


def describe_call(event: Any) -> str:
    """A call of a tool in a line: whose tool it is, its name and its whole input."""
    server = f"{event.mcp_server_name}: " if event.type == "agent.mcp_tool_use" else ""
    arguments = msgspec.json.encode(event.input).decode()
    return one_line(f"{server}{event.name} {arguments}")


def one_line(text: str) -> str:
    """The text with its white space as single spaces, and nothing that a terminal would obey."""
    return " ".join(printable(text).split())


def _result_text(event: Any) -> str:
    texts = [block.text if block.type == "text" else f"[{block.type}]" for block in event.content or ()]
    return one_line(" ".join(texts)) or "(nothing)"
