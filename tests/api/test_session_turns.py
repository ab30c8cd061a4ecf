"""Turns over the wire: what is sent while the agent works, interrupts of one thread, pages of a log that grows."""

from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic, BadRequestError

from tests.api.conftest import Server
from tests.api.test_session_events import HELLO, TURN, make_session, record, types_of

CHILD = "sthr_child"
THREAD = {"type": "session.thread_created", "session_thread_id": CHILD, "agent_name": "helper"}
RUNS = {"type": "session.thread_status_running", "session_thread_id": CHILD}
CUSTOM = {"type": "agent.custom_tool_use", "name": "look_up", "input": {}}


async def turn_of(http: httpx2.AsyncClient, session_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await http.get(f"/v1/sessions/{session_id}/turn")).json()
    return answer


async def test_a_message_sent_during_a_turn_has_a_turn_of_its_own(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client, initial_events=HELLO)
    await record(http, session.id, TURN[0])
    await client.beta.sessions.events.send(session.id, events=HELLO)
    await record(http, session.id, *TURN[1:])
    assert (await client.beta.sessions.retrieve(session.id)).status == "running"
    waiting = [event async for event in client.beta.sessions.events.list(session.id)][-1]
    assert (waiting.type, waiting.processed_at) == ("user.message", None)
    await record(http, session.id, *TURN)
    assert (await types_of(client, session.id)).count("user.message") == 2
    assert (await client.beta.sessions.retrieve(session.id)).status == "idle"


async def test_a_writer_names_its_turn_and_is_refused_once_another_goes_on(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client, initial_events=HELLO)
    turn = await turn_of(http, session.id)
    assert (turn["turn"], turn["status"], turn["waiting"], turn["blocked_by"]) == (1, "running", 1, [])
    await client.beta.sessions.events.send(session.id, events=[{"type": "user.interrupt"}, *HELLO])
    before = await types_of(client, session.id)
    late = await http.post(f"/v1/sessions/{session.id}/record", json={"events": TURN, "expected_turn": 1})
    assert late.status_code == 409
    assert await types_of(client, session.id) == before
    await record(http, session.id, *TURN, expected_turn=2)


async def test_an_interrupt_of_a_child_leaves_the_session_running(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client, initial_events=HELLO)
    await record(http, session.id, TURN[0], THREAD, RUNS)
    await record(http, session.id, CUSTOM, session_thread_id=CHILD)
    await client.beta.sessions.events.send(session.id, events=[{"type": "user.interrupt", "session_thread_id": CHILD}])
    assert (await client.beta.sessions.retrieve(session.id)).status == "running"
    threads = [thread async for thread in client.beta.sessions.threads.list(session.id)]
    assert [thread.status for thread in threads] == ["running", "idle"]
    assert (await turn_of(http, session.id))["blocked_by"] == []


async def test_an_interrupt_of_the_primary_thread_frees_a_session_that_waits(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client, initial_events=HELLO)
    await record(http, session.id, CUSTOM, {"type": "session.status_idle"})
    (primary,) = [thread async for thread in client.beta.sessions.threads.list(session.id)]
    await client.beta.sessions.events.send(
        session.id, events=[{"type": "user.interrupt", "session_thread_id": primary.id}]
    )
    assert (await types_of(client, session.id)).count("user.custom_tool_result") == 1
    await client.beta.sessions.events.send(session.id, events=HELLO)


async def test_a_thread_that_is_not_there_is_refused_by_place(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client, initial_events=HELLO)
    with pytest.raises(BadRequestError, match=r"events\.0: session_thread_id: .* has no thread 'foo'"):
        await client.beta.sessions.events.send(
            session.id, events=[{"type": "user.interrupt", "session_thread_id": "foo"}]
        )
    refused = await http.post(f"/v1/sessions/{session.id}/record", json={"events": TURN, "session_thread_id": "foo"})
    assert (refused.status_code, "session_thread_id" in refused.text) == (400, True)


async def test_answers_may_name_the_thread_of_what_they_answer(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session = await make_session(client, initial_events=HELLO)
    await record(http, session.id, TURN[0], THREAD, RUNS)
    (call,) = await record(http, session.id, CUSTOM, session_thread_id=CHILD)
    await record(http, session.id, {"type": "session.status_idle"})
    answer: Any = {"type": "user.custom_tool_result", "custom_tool_use_id": call["id"]}
    (primary, _) = [thread async for thread in client.beta.sessions.threads.list(session.id)]
    with pytest.raises(BadRequestError, match="session_thread_id"):
        await client.beta.sessions.events.send(session.id, events=[answer | {"session_thread_id": primary.id}])
    sent = await client.beta.sessions.events.send(session.id, events=[answer | {"session_thread_id": CHILD}])
    assert sent.data and sent.data[0].session_thread_id == CHILD  # type: ignore[union-attr]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_no_event_is_lost_or_doubled_while_inputs_are_taken_in_between_pages(
    client: AsyncAnthropic, http: httpx2.AsyncClient, order: Any, limit: int
) -> None:
    session = await make_session(client, initial_events=HELLO)
    await record(http, session.id, TURN[0])
    sent = [(await client.beta.sessions.events.send(session.id, events=HELLO)).data for _ in range(4)]
    before = {event.id async for event in client.beta.sessions.events.list(session.id)}
    page = await client.beta.sessions.events.list(session.id, limit=limit, order=order)
    seen = [event.id for event in page.data]
    while page.has_next_page():
        page = await page.get_next_page()
        if len(seen) == limit:  # once: the log is to have an end
            await record(http, session.id, *TURN[1:], TURN[0])
        seen += [event.id for event in page.data]
    assert len(seen) == len(set(seen))
    assert before <= set(seen)
    assert {answer[0].id for answer in sent if answer} <= set(seen)


async def test_a_cursor_of_another_sessions_events_is_refused(client: AsyncAnthropic) -> None:
    one, other = await make_session(client, initial_events=HELLO), await make_session(client, initial_events=HELLO)
    page = await client.beta.sessions.events.list(one.id, limit=1)
    with pytest.raises(BadRequestError, match="another session's events"):
        await client.beta.sessions.events.list(other.id, limit=1, page=str(page.next_page))


async def test_the_turn_is_read_while_a_writer_holds_the_session(
    client: AsyncAnthropic, http: httpx2.AsyncClient, server: Server
) -> None:
    session = await make_session(client)
    async with server.service.database.connection() as connection:
        await connection.execute("SELECT FROM sessions WHERE id = %s FOR UPDATE", [session.id])
        read = await turn_of(http, session.id)
    assert (read["status"], read["turn"], read["waiting"], read["blocked_by"]) == ("idle", 0, 0, [])
