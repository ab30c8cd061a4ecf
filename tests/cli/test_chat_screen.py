"""What a person sees of a session's events."""

from typing import Any

import pytest
from anthropic._models import construct_type
from anthropic.types.beta.sessions import BetaManagedAgentsStreamSessionEvents

from reverie.cli.chat_screen import TextScreen


def shown(capsys: pytest.CaptureFixture[str], *events: dict[str, Any]) -> str:
    screen = TextScreen()
    for event in events:
        screen.show(construct_type(type_=BetaManagedAgentsStreamSessionEvents, value=event))
    return capsys.readouterr().out


def start(id_: str) -> dict[str, Any]:
    return {"type": "event_start", "event": {"type": "agent.message", "id": id_}}


def delta(id_: str, text: str) -> dict[str, Any]:
    content = {"type": "content_delta", "index": 0, "content": {"type": "text", "text": text}}
    return {"type": "event_delta", "event_id": id_, "delta": content}


def message(id_: str, text: str) -> dict[str, Any]:
    return {"type": "agent.message", "id": id_, "content": [{"type": "text", "text": text}]}


def test_text_that_was_shown_while_it_came_is_not_shown_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, start("a"), delta("a", "Good "), delta("a", "day"), message("a", "Good day.")) == "Good day.\n"


def test_text_that_was_not_shown_while_it_came_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, message("a", "Good day.")) == "Good day.\n"


def test_text_that_turns_out_to_be_another_is_shown_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, start("a"), delta("a", "Go"), message("a", "Bad day.")) == "Go\nBad day.\n"


def test_a_request_that_ends_early_ends_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    end = {"type": "span.model_request_end", "id": "e", "is_error": True}
    assert shown(capsys, start("a"), delta("a", "Go"), end, message("b", "Good.")) == "Go\nGood.\n"


def test_what_comes_back_from_a_tool_is_one_line_and_does_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    use = {"type": "agent.mcp_tool_use", "id": "u", "mcp_server_name": "shop", "name": "find", "input": {"key": "a"}}
    content = [{"type": "text", "text": "\x1b[2Jone\r\n  two\u202e\x07"}, {"type": "image"}]
    result = {"type": "agent.mcp_tool_result", "id": "r", "mcp_tool_use_id": "u", "content": content}
    failed = {"type": "agent.tool_result", "id": "f", "tool_use_id": "u", "content": [], "is_error": True}
    assert shown(capsys, use, result, failed) == '→ shop: find {"key":"a"}\n← [2Jone two [image]\n✗ (nothing)\n'


@pytest.mark.parametrize("mark", ["\x1b]0;title\x07", "\x9b31m", "\u2066"])
def test_an_agent_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str], mark: str) -> None:
    out = shown(capsys, start("a"), delta("a", f"Hi{mark}"), message("a", f"Hi{mark} there"))
    assert out.isprintable() is False and out.replace("\n", "").isprintable() and out.startswith("Hi")
