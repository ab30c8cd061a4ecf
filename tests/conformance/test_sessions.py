"""Sessions, their events and streams."""

import asyncio
from typing import Any

import pytest
from anthropic import BadRequestError
from anthropic.types.beta.sessions import BetaManagedAgentsSessionEvent

from tests.conformance.exercises.agents import LOOK_UP
from tests.conformance.sse import raw_messages, until
from tests.conformance.world import END_TURN, IDLE, World, message, said

START = {"type": "span.model_request_start", "id": "s1"}
END = {
    "type": "span.model_request_end",
    "model_request_start_id": "s1",
    "is_error": False,
    "model_usage": {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 2,
    },
}
USE = {"type": "agent.custom_tool_use", "name": "look_up", "input": {"order": "7"}}


async def events(world: World, session_id: str) -> list[BetaManagedAgentsSessionEvent]:
    return [event async for event in world.client.beta.sessions.events.list(session_id)]


async def turn(world: World, session_id: str) -> list[BetaManagedAgentsSessionEvent]:
    """What a stream shows of one turn with one model request."""
    stream = await world.client.beta.sessions.events.stream(session_id)
    async with stream:
        await world.client.beta.sessions.events.send(session_id, events=[message("hello")])
        await world.record(session_id, START, {"type": "agent.thinking"}, said("hi"), END, END_TURN)
        return [event async for event in until(stream, "session.status_idle")]


async def test_a_turn_is_streamed_in_the_canonical_order(world: World) -> None:
    """From the echo of the input to usage and idle."""
    assert [event.type for event in await turn(world, await world.session())] == [
        "user.message",
        "session.status_running",
        "session.thread_status_running",
        "user.message",
        "span.model_request_start",
        "agent.thinking",
        "agent.message",
        "span.model_request_end",
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]


async def test_usage_comes_directly_before_idle(world: World) -> None:
    """And it has counted the turn's model requests."""
    session_id = await world.session()
    *_, usage, idle = await turn(world, session_id)
    assert idle.type == "session.status_idle"
    assert usage.type == "session.usage"
    assert usage.usage.output_tokens == 5
    assert (await world.client.beta.sessions.retrieve(session_id)).usage.input_tokens == 10


async def test_a_queued_message_is_delivered_twice_under_one_id(world: World) -> None:
    """First with ``processed_at`` null, then set; the list has it once."""
    session_id = await world.session()
    seen = [event for event in await turn(world, session_id) if event.type == "user.message"]
    assert [event.processed_at is None for event in seen] == [True, False]
    assert len({event.id for event in seen}) == 1
    assert sum(event.id == seen[0].id for event in await events(world, session_id)) == 1


async def test_stream_messages_have_names(world: World) -> None:
    """Measured on the SDK: the SDK drops messages without an ``event:`` line."""
    session_id = await world.session()
    async with raw_messages(world.http, f"/v1/sessions/{session_id}/events/stream") as messages:
        await world.client.beta.sessions.events.send(session_id, events=[message("hello")])
        async for name, data in messages:
            assert name == data["type"]
            if name == "session.status_running":
                break


async def test_a_stream_of_an_unknown_session_is_a_404_as_json(world: World) -> None:
    answer = await world.http.get("/v1/sessions/sesn_none/events/stream")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


async def test_previews_are_asked_for_by_known_names_only(world: World) -> None:
    """``event_deltas[]`` takes ``agent.message`` and ``agent.thinking``."""
    path = f"/v1/sessions/{await world.session()}/events/stream"
    for names in (["user.message"], ["agent.message"] * 101):
        answer = await world.http.get(path, params=[("event_deltas[]", name) for name in names])
        assert answer.status_code == 400


async def test_a_stream_stays_open_over_idles_and_closes_when_the_session_is_deleted(world: World) -> None:
    session_id = await world.session()
    stream = await world.client.beta.sessions.events.stream(session_id)
    async with stream:
        for _ in range(2):
            await world.client.beta.sessions.events.send(session_id, events=[message("hello")])
            await world.record(session_id, said("hi"), END_TURN)
        idles = 0
        async for event in stream:
            idles += event.type == "session.status_idle"
            if event.type == "session.deleted":
                break
            if event.type == "session.status_idle" and idles == 2:  # shown before the log goes
                await world.client.beta.sessions.delete(session_id)
    assert (idles, event.type) == (2, "session.deleted")


async def test_a_stream_closes_when_the_session_terminates(world: World) -> None:
    session_id = await world.session()
    stream = await world.client.beta.sessions.events.stream(session_id)
    async with stream:
        await world.client.beta.sessions.archive(session_id)
        assert [event.type async for event in stream][-1] == "session.status_terminated"


async def test_history_and_stream_overlap_and_never_gap(world: World) -> None:
    """Open the stream, list the history, drop what is double; events keep coming meanwhile."""
    session_id = await world.session(initial_events=[message("begin")])
    writing = asyncio.create_task(write(world, session_id, 40))
    stream = await world.client.beta.sessions.events.stream(session_id)
    async with stream:
        history = await events(world, session_id)
        await writing
        await world.record(session_id, END_TURN)
        live = [event async for event in until(stream, "session.status_idle")]
    known = {event.id for event in history}
    seen = history + [event for event in live if event.id not in known]
    assert [event.id for event in seen] == [event.id for event in await events(world, session_id)]


async def write(world: World, session_id: str, count: int) -> None:
    for number in range(count):
        await world.record(session_id, said(str(number)))


async def test_initial_events_make_the_session_running(world: World) -> None:
    """Stored in order, with ids, before the answer; an empty list is as none."""
    made = await world.client.beta.sessions.create(
        agent=await world.agent(), environment_id=await world.environment(), initial_events=[message("a"), message("b")]
    )
    assert made.status == "running"
    texts = [event.content[0] for event in await events(world, made.id) if event.type == "user.message"]
    assert [block.text for block in texts if block.type == "text"] == ["a", "b"]
    idle = await world.session(initial_events=[])
    assert (await world.client.beta.sessions.retrieve(idle)).status == "idle"


async def test_a_custom_tool_use_idles_until_it_is_answered(world: World) -> None:
    """Idle names all blockers; a partial answer repeats the rest; the last one resumes."""
    session_id = await world.session(agent=await world.agent(tools=[LOOK_UP]), initial_events=[message("both?")])
    first, second, _ = await world.record(session_id, USE, USE, IDLE)
    assert await blockers(world, session_id) == [first["id"], second["id"]]
    await answer(world, session_id, first["id"])
    assert await blockers(world, session_id) == [second["id"]]
    await answer(world, session_id, second["id"])
    assert (await world.client.beta.sessions.retrieve(session_id)).status == "running"


async def blockers(world: World, session_id: str) -> list[str]:
    """What the latest idle waits for."""
    page = await world.client.beta.sessions.events.list(session_id, types=["session.status_idle"], order="desc")
    assert page.data[0].type == "session.status_idle"
    reason = page.data[0].stop_reason
    assert reason.type == "requires_action"
    return reason.event_ids


async def answer(world: World, session_id: str, use_id: str) -> None:
    await world.client.beta.sessions.events.send(
        session_id, events=[{"type": "user.custom_tool_result", "custom_tool_use_id": use_id}]
    )


async def test_a_message_to_a_session_that_waits_for_an_answer_is_refused_naming_what_waits(world: World) -> None:
    """The hosted service refuses a nudge too."""
    session_id = await world.session(agent=await world.agent(tools=[LOOK_UP]), initial_events=[message("7?")])
    use, _ = await world.record(session_id, USE, IDLE)
    with pytest.raises(BadRequestError, match=use["id"]):
        await world.client.beta.sessions.events.send(session_id, events=[message("well?")])


async def test_interrupting_a_blocked_session_answers_its_calls_with_errors(world: World) -> None:
    """And it is idle with ``end_turn``."""
    session_id = await world.session(agent=await world.agent(tools=[LOOK_UP]), initial_events=[message("7?")])
    await world.record(session_id, USE, IDLE)
    await world.client.beta.sessions.events.send(session_id, events=[{"type": "user.interrupt"}])
    *_, last = await events(world, session_id)
    assert last.type == "session.status_idle" and last.stop_reason.type == "end_turn"
    results = [event for event in await events(world, session_id) if event.type == "user.custom_tool_result"]
    assert [result.is_error for result in results] == [True]


async def test_a_denied_tool_use_goes_on_without_the_tool(world: World) -> None:
    """``deny_message`` goes with deny alone."""
    session_id = await world.session(initial_events=[message("rm?")])
    use = {"type": "agent.tool_use", "name": "bash", "input": {"command": "rm x"}, "evaluated_permission": "ask"}
    asked, _ = await world.record(session_id, use, IDLE)
    confirmation: Any = {"type": "user.tool_confirmation", "tool_use_id": asked["id"], "deny_message": "No."}
    allow: Any = {**confirmation, "result": "allow"}
    deny: Any = {**confirmation, "result": "deny"}
    with pytest.raises(BadRequestError):
        await world.client.beta.sessions.events.send(session_id, events=[allow])
    await world.client.beta.sessions.events.send(session_id, events=[deny])
    assert (await world.client.beta.sessions.retrieve(session_id)).status == "running"


async def test_archiving_and_deleting_are_refused_while_running(world: World) -> None:
    """Interrupt first; an archived session is terminated and takes nothing more."""
    session_id = await world.session(initial_events=[message("hello")])
    for refused in (world.client.beta.sessions.archive, world.client.beta.sessions.delete):
        with pytest.raises(BadRequestError):
            await refused(session_id)
    await world.client.beta.sessions.events.send(session_id, events=[{"type": "user.interrupt"}])
    assert (await world.client.beta.sessions.archive(session_id)).status == "terminated"
    with pytest.raises(BadRequestError):
        await world.client.beta.sessions.events.send(session_id, events=[message("more")])


async def test_a_ninth_memory_store_is_refused_and_nothing_is_made(world: World) -> None:
    stores = [await world.store() for _ in range(9)]
    agent_id = await world.agent()
    resources = [{"type": "memory_store", "memory_store_id": store} for store in stores]
    with pytest.raises(BadRequestError):
        await world.session(agent=agent_id, resources=resources)
    assert (await world.client.beta.sessions.list(agent_id=agent_id)).data == []


async def test_stores_of_one_name_are_mounted_apart(world: World) -> None:
    """Slugs that are equal get a suffix; name and description are those of the moment of attaching."""
    resources = [{"type": "memory_store", "memory_store_id": await world.store()} for _ in range(2)]
    session = await world.client.beta.sessions.retrieve(await world.session(resources=resources))
    paths = [resource.mount_path for resource in session.resources if resource.type == "memory_store"]
    assert paths == ["/mnt/memory/notes", "/mnt/memory/notes-2"]


async def test_updating_a_session_emits_what_changed(world: World) -> None:
    """``session.updated`` carries changed fields only."""
    session_id = await world.session(title="old", metadata={"a": "1"})
    await world.client.beta.sessions.update(session_id, title="new")
    (event,) = (await world.client.beta.sessions.events.list(session_id, types=["session.updated"])).data
    assert event.to_dict().keys() == {"id", "type", "processed_at", "title"}


@pytest.mark.parametrize("fields", [{"vault_ids": ["vlt_x"]}, {"environment_id": "env_x"}, {"resources": []}])
async def test_what_is_fixed_for_the_life_of_a_session_cannot_be_updated(fields: dict[str, Any], world: World) -> None:
    answer = await world.http.post(f"/v1/sessions/{await world.session()}", json=fields)
    assert answer.status_code == 400


async def test_a_session_keeps_the_agent_as_it_was(world: World) -> None:
    """The agent is a snapshot; overrides replace whole fields and keep its id and version."""
    agent_id = await world.agent(system="first", tools=[LOOK_UP])
    plain = await world.session(agent=agent_id)
    overridden = await world.session(
        agent={"type": "agent_with_overrides", "id": agent_id, "system": None, "model": "other-model"}
    )
    await world.client.beta.agents.update(agent_id, system="second")
    kept = (await world.client.beta.sessions.retrieve(plain)).agent
    changed = (await world.client.beta.sessions.retrieve(overridden)).agent
    assert (kept.system, kept.version) == ("first", 1)
    assert (changed.id, changed.version, changed.system, changed.model.id) == (agent_id, 1, None, "other-model")
    assert len(changed.tools) == 1


async def test_a_sessions_cursor_keeps_its_order(world: World) -> None:
    """Reuse with another order is 400; with another limit it is not; ``prev_page`` leads back."""
    agent_id = await world.agent()
    made = [await world.session(agent=agent_id) for _ in range(4)]
    first = await world.client.beta.sessions.list(agent_id=agent_id, limit=2, order="asc")
    assert first.next_page is not None
    second = await world.client.beta.sessions.list(agent_id=agent_id, limit=1, order="asc", page=first.next_page)
    assert [session.id for session in (*first.data, *second.data)] == made[:3]
    with pytest.raises(BadRequestError):
        await world.client.beta.sessions.list(agent_id=agent_id, order="desc", page=first.next_page)
    assert second.prev_page is not None
    back = await world.client.beta.sessions.list(agent_id=agent_id, limit=2, order="asc", page=second.prev_page)
    assert [session.id for session in back.data] == made[:2]


async def test_an_outcome_is_followed_to_its_verdict(world: World) -> None:
    """One at a time; iterations, verdict and explanation are kept on the session."""
    session_id = await world.session()
    outcome: Any = {
        "type": "user.define_outcome",
        "description": "A refund letter.",
        "rubric": {"type": "text", "content": "Polite."},
    }
    await world.client.beta.sessions.events.send(session_id, events=[outcome])
    with pytest.raises(BadRequestError):
        await world.client.beta.sessions.events.send(session_id, events=[outcome])
    (kept,) = (await world.client.beta.sessions.retrieve(session_id)).outcome_evaluations
    begun = {"type": "span.outcome_evaluation_start", "id": "e1", "outcome_id": kept.outcome_id, "iteration": 0}
    usage = END["model_usage"]
    ended = {
        "type": "span.outcome_evaluation_end",
        "outcome_evaluation_start_id": "e1",
        "outcome_id": kept.outcome_id,
        "iteration": 0,
        "result": "satisfied",
        "explanation": "It is.",
        "usage": usage,
    }
    await world.record(session_id, said("Dear…"), begun, ended, END_TURN)
    (judged,) = (await world.client.beta.sessions.retrieve(session_id)).outcome_evaluations
    assert (judged.result, judged.explanation) == ("satisfied", "It is.")
