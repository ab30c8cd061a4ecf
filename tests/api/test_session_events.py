import asyncio
from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic, BadRequestError, ConflictError

CLOUD: Any = {"type": "cloud"}
HELLO: Any = [{"type": "user.message", "content": [{"type": "text", "text": "hello"}]}]
TURN: list[dict[str, Any]] = [
    {"type": "span.model_request_start", "id": "request"},
    {"type": "agent.message", "content": [{"type": "text", "text": "hi"}]},
    {
        "type": "span.model_request_end",
        "model_request_start_id": "request",
        "is_error": False,
        "model_usage": {
            "input_tokens": 10,
            "output_tokens": 2,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    },
    {"type": "session.status_idle"},
]


async def make_session(client: AsyncAnthropic, *, environment: Any = None, **fields: Any) -> Any:
    agent = await client.beta.agents.create(name="desk", model="any-model", tools=fields.pop("tools", []))
    made = await client.beta.environments.create(name="e", config=environment or CLOUD)
    return await client.beta.sessions.create(agent=agent.id, environment_id=made.id, **fields)


async def record(
    http: httpx2.AsyncClient, session_id: str, *events: dict[str, Any], **more: Any
) -> list[dict[str, Any]]:
    response = await http.post(f"/v1/sessions/{session_id}/record", json={"events": list(events), **more})
    assert response.status_code == 200, response.text
    data: list[dict[str, Any]] = response.json()["data"]
    return data


async def types_of(client: AsyncAnthropic, session_id: str) -> list[str]:
    return [event.type async for event in client.beta.sessions.events.list(session_id)]


async def test_a_turn_is_logged_in_canonical_order(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client)
    await client.beta.sessions.events.send(session.id, events=HELLO)
    await record(http, session.id, *TURN)
    assert await types_of(client, session.id) == [
        "session.status_running",
        "session.thread_status_running",
        "user.message",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]
    after = await client.beta.sessions.retrieve(session.id)
    assert after.status == "idle"
    assert after.usage.input_tokens == 10


async def test_a_message_waits_until_the_agent_takes_it_in_and_keeps_its_id(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client)
    sent = (await client.beta.sessions.events.send(session.id, events=HELLO)).data
    assert sent is not None and sent[0].processed_at is None
    waiting = [event async for event in client.beta.sessions.events.list(session.id)]
    assert (waiting[-1].id, waiting[-1].processed_at) == (sent[0].id, None)
    await record(http, session.id, *TURN)
    taken = [event async for event in client.beta.sessions.events.list(session.id) if event.type == "user.message"]
    assert [event.id for event in taken] == [sent[0].id]
    assert taken[0].processed_at is not None


async def test_first_events_make_a_session_run_at_once(client: AsyncAnthropic) -> None:
    session = await make_session(client, initial_events=HELLO)
    assert session.status == "running"
    assert await types_of(client, session.id) == [
        "session.status_running",
        "session.thread_status_running",
        "user.message",
    ]


async def test_a_stream_delivers_a_queued_message_twice_under_one_id(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client)
    async with await client.beta.sessions.events.stream(session.id) as stream:
        await client.beta.sessions.events.send(session.id, events=HELLO)
        await record(http, session.id, *TURN)
        seen = []
        async for event in stream:
            seen.append(event)
            if event.type == "session.status_idle":
                break
    messages = [event for event in seen if event.type == "user.message"]
    assert len({event.id for event in messages}) == 1
    assert [event.processed_at is None for event in messages] == [True, False]
    assert [event.type for event in seen[-2:]] == ["session.usage", "session.status_idle"]


async def test_history_and_stream_overlap_and_never_gap(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client)

    async def write() -> None:
        for number in range(30):
            await record(
                http, session.id, {"type": "agent.message", "content": [{"type": "text", "text": str(number)}]}
            )
        await record(http, session.id, {"type": "session.status_idle"})

    writing = asyncio.create_task(write())
    async with await client.beta.sessions.events.stream(session.id) as stream:
        known: dict[str, Any] = {}
        async for past in client.beta.sessions.events.list(session.id, limit=7):
            known[past.id] = past
        async for event in stream:
            known.setdefault(event.id, event)  # type: ignore[union-attr]
            if event.type == "session.status_idle":
                break
    await writing
    texts = [event.content[0].text for event in known.values() if event.type == "agent.message"]
    assert texts == [str(number) for number in range(30)]


async def test_a_custom_tool_blocks_until_it_is_answered(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client)
    await client.beta.sessions.events.send(session.id, events=HELLO)
    call, idle = await record(
        http,
        session.id,
        {"type": "agent.custom_tool_use", "name": "look_up", "input": {"order": 7}},
        {"type": "session.status_idle"},
    )
    assert idle["stop_reason"] == {"type": "requires_action", "event_ids": [call["id"]]}
    with pytest.raises(BadRequestError, match=call["id"]):
        await client.beta.sessions.events.send(session.id, events=HELLO)
    answer: Any = {"type": "user.custom_tool_result", "custom_tool_use_id": call["id"]}
    await client.beta.sessions.events.send(session.id, events=[answer])
    assert (await client.beta.sessions.retrieve(session.id)).status == "running"
    with pytest.raises(BadRequestError):
        await client.beta.sessions.events.send(session.id, events=[answer])


async def test_answering_some_of_several_calls_says_which_are_left(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client)
    first, second, _ = await record(
        http,
        session.id,
        {"type": "agent.custom_tool_use", "name": "a", "input": {}},
        {"type": "agent.tool_use", "name": "bash", "input": {}, "evaluated_permission": "ask"},
        {"type": "session.status_idle"},
    )
    result: Any = {"type": "user.custom_tool_result", "custom_tool_use_id": first["id"]}
    await client.beta.sessions.events.send(session.id, events=[result])
    last = await anext(aiter(client.beta.sessions.events.list(session.id, order="desc", limit=1)))
    assert last.type == "session.status_idle"
    assert last.stop_reason.event_ids == [second["id"]]  # type: ignore[union-attr]


async def test_an_interrupt_ends_a_blocked_turn_with_an_error_for_each_call(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client)
    await record(
        http, session.id, {"type": "agent.custom_tool_use", "name": "a", "input": {}}, {"type": "session.status_idle"}
    )
    await client.beta.sessions.events.send(session.id, events=[{"type": "user.interrupt"}])
    types = await types_of(client, session.id)
    assert types[-5:] == [
        "user.interrupt",
        "user.custom_tool_result",
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]
    late = await http.post(f"/v1/sessions/{session.id}/record", json={"events": TURN, "only_while_running": True})
    assert late.status_code == 409
    assert late.headers["x-should-retry"] == "false"


async def test_an_outcome_is_judged_and_its_verdict_is_a_score(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client)
    define: Any = {"type": "user.define_outcome", "description": "d", "rubric": {"type": "text", "content": "r"}}
    sent = (await client.beta.sessions.events.send(session.id, events=[define])).data
    assert sent is not None
    outcome = sent[0].outcome_id  # type: ignore[union-attr]
    with pytest.raises(BadRequestError):
        await client.beta.sessions.events.send(session.id, events=[define])
    usage = TURN[2]["model_usage"]
    verdict = {"outcome_id": outcome, "iteration": 0, "result": "satisfied", "explanation": "good", "usage": usage}
    await record(
        http,
        session.id,
        {"type": "span.outcome_evaluation_start", "outcome_id": outcome, "iteration": 0},
        {"type": "span.outcome_evaluation_end", **verdict},
        {"type": "session.status_idle"},
    )
    (evaluation,) = (await client.beta.sessions.retrieve(session.id)).outcome_evaluations
    assert (evaluation.result, evaluation.completed_at is None) == ("satisfied", False)


async def test_events_page_in_both_orders_with_waiting_inputs_last(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client)
    await record(http, session.id, *TURN[:-1])
    await client.beta.sessions.events.send(session.id, events=HELLO)
    await client.beta.sessions.events.send(session.id, events=HELLO)
    everything = [event.id async for event in client.beta.sessions.events.list(session.id)]
    forwards = [event.id async for event in client.beta.sessions.events.list(session.id, limit=2)]
    backwards = [event.id async for event in client.beta.sessions.events.list(session.id, limit=2, order="desc")]
    assert forwards == everything
    assert backwards == everything[::-1]
    assert len(set(everything)) == len(everything)


async def test_concurrent_senders_get_distinct_events_without_gaps(client: AsyncAnthropic) -> None:
    session = await make_session(client)
    sent = await asyncio.gather(*(client.beta.sessions.events.send(session.id, events=HELLO * 3) for _ in range(12)))
    ids = {event.id for answer in sent for event in answer.data or ()}
    listed = [event.id async for event in client.beta.sessions.events.list(session.id, types=["user.message"])]
    assert len(ids) == 36
    assert set(listed) == ids


async def test_an_ended_session_takes_no_more_events(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client)
    await client.beta.sessions.archive(session.id)
    with pytest.raises(BadRequestError):
        await client.beta.sessions.events.send(session.id, events=HELLO)
    refused = await http.post(f"/v1/sessions/{session.id}/record", json={"events": TURN})
    assert refused.status_code == 400


async def test_events_of_unknown_types_are_refused_by_place(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client)
    refused = await http.post(f"/v1/sessions/{session.id}/record", json={"events": [TURN[0], {"type": "agent.dance"}]})
    assert refused.status_code == 400
    assert "events.1" in refused.json()["error"]["message"]
    assert await types_of(client, session.id) == []


async def test_a_busy_session_cannot_be_deleted(client: AsyncAnthropic) -> None:
    session = await make_session(client, initial_events=HELLO)
    with pytest.raises((BadRequestError, ConflictError)):
        await client.beta.sessions.delete(session.id)
    await client.beta.sessions.events.send(session.id, events=[{"type": "user.interrupt"}])
    assert (await client.beta.sessions.delete(session.id)).type == "session_deleted"


async def test_a_message_is_shown_while_it_is_written_to_those_who_ask(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client, initial_events=HELLO)
    previews = f"/v1/sessions/{session.id}/previews"
    async with (
        await client.beta.sessions.events.stream(session.id, event_deltas=["agent.message"]) as stream,
        await client.beta.sessions.events.stream(session.id) as plain,
    ):
        id_ = (await http.post(previews, json={"type": "agent.message"})).json()["id"]
        for text in ("Hel", "lo"):
            await http.post(previews, json={"event_id": id_, "text": text})
        message = {"type": "agent.message", "id": id_, "content": [{"type": "text", "text": "Hello"}]}
        await record(http, session.id, message, {"type": "session.status_idle"})
        seen: list[Any] = []
        async for event in stream:
            seen.append(event)
            if event.type == "session.status_idle":
                break
        plainly = [event.type async for event in _until_idle(plain)]
    start, *deltas = [event for event in seen if event.type in ("event_start", "event_delta")]
    (final,) = [event for event in seen if event.type == "agent.message"]
    assert start.event.id == final.id == id_
    assert "".join(delta.delta.content.text for delta in deltas) == final.content[0].text
    assert "event_delta" not in plainly


async def _until_idle(stream: Any) -> Any:
    async for event in stream:
        yield event
        if event.type == "session.status_idle":
            return


async def test_only_messages_and_thinking_are_previewed(client: AsyncAnthropic) -> None:
    session = await make_session(client)
    wrong: Any = ["agent.tool_use"]
    with pytest.raises(BadRequestError):
        await client.beta.sessions.events.stream(session.id, event_deltas=wrong)
