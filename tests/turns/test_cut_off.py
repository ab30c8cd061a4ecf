"""Replies that stop at the limit of their length."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie.runtime.model_failure import CUT_OFF
from reverie.runtime.reply_events import asked_calls, judge_by_policy
from reverie.runtime.tool_catalogue import list_tools
from reverie.turn_model import TurnReply
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, USAGE, ScriptedTurnModel, say, turns_run
from tests.turns.test_turn import LOOKUP, at_rest, send, session_with, types

TOOLS = list_tools([LOOKUP])


def cut(*blocks: dict[str, Any]) -> TurnReply:
    return TurnReply(blocks, "max_tokens", USAGE, "scripted", MODEL)


def use(number: int, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "lookup", "input": {}, **fields}


async def test_an_agent_whose_reply_was_cut_off_is_asked_to_go_on_and_the_user_sees_it(
    server: Server, client: AsyncAnthropic
) -> None:
    model = ScriptedTurnModel(say("One, two,", "max_tokens"), say("three."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "Count.")
        events = await at_rest(client, session_id)
    (error,) = [event.error for event in events if event.type == "session.error"]
    assert (error.type, error.retry_status.type, error.message) == ("model_request_failed_error", "retrying", CUT_OFF)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["One, two,", "three."]
    assert types(events).count("session.status_rescheduled") == 1
    assert events[-1].stop_reason.type == "end_turn"
    said, told = model.requests[1].messages[-2:]
    assert (said.role, said.content[0]["text"], told.role) == ("assistant", "One, two,", "user")
    assert "cut off" in told.content[0]["text"]


async def test_a_turn_whose_replies_are_always_cut_off_ends_and_says_what_to_set(
    server: Server, client: AsyncAnthropic
) -> None:
    model = ScriptedTurnModel(say("a", "max_tokens"), cut(use(1, input=None)), say("b", "max_tokens"), say("Yes."))
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Count.")
        events = await at_rest(client, session_id)
        assert events[-1].stop_reason.type == "retries_exhausted"
        await send(client, session_id, "Once more.")
        again = await at_rest(client, session_id)
    last = [event.error for event in events if event.type == "session.error"][-1]
    assert (last.retry_status.type, "max_output_tokens" in last.message) == ("exhausted", True)
    assert again[-1].stop_reason.type == "end_turn"


async def test_a_call_that_was_cut_off_is_an_error_that_the_model_sees_and_nobody_runs_it(
    server: Server, client: AsyncAnthropic
) -> None:
    model = ScriptedTurnModel(cut(use(1, input=None, raw_input='{"key": "a')), say("Shorter, then."))
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Find it.")
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "end_turn"
    assert "session.error" not in types(events)
    (told,) = [block for block in model.requests[1].messages[-1].content if block["type"] == "tool_result"]
    assert (told["is_error"], told["content"][0]["text"]) == (True, "The reply was cut short; call it again.")


@pytest.mark.parametrize(
    ("blocks", "errors"),
    [
        ([use(1, input={"key": "a"}), use(2, input=None)], [False, True]),
        ([use(1, input={"key": "a"}), use(2)], [False, True]),
        ([use(1), use(2, input={"key": "b"})], [False, False]),
        ([use(1), {"type": "text", "text": "and"}], [False]),
    ],
    ids=["in its arguments", "before its arguments", "after whole calls", "in the text after a call"],
)
def test_of_a_reply_that_was_cut_off_only_what_is_whole_is_run(
    blocks: list[dict[str, Any]], errors: list[bool]
) -> None:
    found = asked_calls(cut(*blocks), TOOLS, judge_by_policy)
    assert [call.error is not None for call in found] == errors
