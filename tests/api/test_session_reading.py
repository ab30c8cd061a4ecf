"""Sessions as people find and read them over the API, and what went on in a workspace."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from httpx2 import AsyncClient

from reverie.client.client import AsyncClient as Reverie
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from tests.api.conftest import Server
from tests.conftest import ChatFile

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "order 7"}'}}
MESSAGES = [
    {"role": "user", "content": "where is order 7"},
    {"role": "assistant", "content": "let me look", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "Error: no such order"},
    {"role": "assistant", "content": "it cannot be found"},
]


@pytest_asyncio.fixture
async def chats(server: Server, chat_file: ChatFile) -> None:
    """Three imported sessions, the last of which took place first; the first one is of another agent."""
    chats = [
        {
            "id": f"s{n}",
            "messages": MESSAGES,
            "metadata": {"agent": "desk" if n else "shop", "started_at": f"2026-01-{9 - n:02}T00:00Z"},
        }
        for n in range(3)
    ]
    path: Path = chat_file("chats.jsonl", *chats)
    service = server.service
    await import_sessions(service.database, service.settings, [path], ImportOptions(), service.clock, lambda _: None)


@pytest.mark.usefixtures("chats")
async def test_sessions_are_found_newest_first_page_by_page(http: AsyncClient) -> None:
    first = (await http.get("/v1/segments/sessions", params={"limit": 2})).json()
    second = (await http.get("/v1/segments/sessions", params={"limit": 2, "page": first["next_page"]})).json()
    assert [row["at"][:10] for row in (*first["data"], *second["data"])] == ["2026-01-09", "2026-01-08", "2026-01-07"]
    assert second["next_page"] is None
    assert first["data"][0]["opening"] == "where is order 7"


@pytest.mark.usefixtures("chats")
async def test_sessions_are_found_by_an_expression(http: AsyncClient) -> None:
    found = await http.get("/v1/segments/sessions", params={"where": "agent = 'desk' and events > 3"})
    assert [row["agent"] for row in found.json()["data"]] == ["desk", "desk"]
    refused = await http.get("/v1/segments/sessions", params={"where": "agent ="})
    assert (refused.status_code, "cannot read" in refused.json()["error"]["message"]) == (400, True)


@pytest.mark.usefixtures("chats")
async def test_live_sessions_stand_beside_imported_ones(reverie: Reverie) -> None:
    agent = await reverie.beta.agents.create(name="live one", model="claude-opus-4-6")
    environment = await reverie.beta.environments.create(name="e", config={"type": "cloud"})
    session = await reverie.beta.sessions.create(agent=agent.id, environment_id=environment.id, title="a title")
    newest = (await reverie.find_sessions(limit=1)).data[0]
    assert (newest.id, newest.live, newest.title, newest.agent) == (session.id, True, "a title", "live one")


@pytest.mark.usefixtures("chats")
async def test_fields_are_offered_with_what_recent_sessions_have(reverie: Reverie) -> None:
    fields = {field.name: field for field in await reverie.segment_fields()}
    assert fields["agent"].values == ("desk", "shop")
    assert (fields["reward"].kind, fields["reward"].values) == ("number", ())


@pytest.mark.usefixtures("chats")
async def test_the_facts_of_a_session_tell_scores_with_who_gave_them(reverie: Reverie) -> None:
    session = (await reverie.find_sessions()).data[0]
    await reverie.score(session.id, {"resolved": 1.0}, by_person=True)
    facts = await reverie.session_facts(session.id)
    assert [(score.metric, score.value, score.source) for score in facts.scores] == [("resolved", 1.0, "person")]
    assert facts.scores[0].recorded_at is not None
    assert [(thread.thread_id, thread.events) for thread in facts.threads] == [(None, session.events)]


@pytest.mark.usefixtures("chats")
async def test_events_are_read_by_place_with_results_and_errors_known(reverie: Reverie) -> None:
    session = (await reverie.find_sessions()).data[0]
    whole = await reverie.event_range(session.id)
    kinds = [(each.event["type"], each.answers, each.is_error) for each in whole.events]
    assert kinds == [
        ("user.message", None, False),
        ("agent.message", None, False),
        ("agent.tool_use", None, False),
        ("agent.tool_result", 2, True),
        ("agent.message", None, False),
    ]
    part = await reverie.event_range(session.id, 1, limit=1)
    assert ([each.sequence for each in part.events], part.next_first, part.next_error) == ([1], 2, 3)
    assert (await reverie.event_range(session.id, 4)).next_error is None


async def test_an_opening_is_the_first_text_of_the_first_message(server: Server, reverie: Reverie) -> None:
    contents = ('[{"type": "image"}, {"type": "text", "text": "see?"}]', '"plain"', '[{"type": "image"}]', "[]")
    async with server.service.database.connection() as connection:
        for place, content in enumerate(contents):
            await add_sessions(connection, datetime(2026, 1, 9 - place, tzinfo=UTC), None, None)
            await connection.execute(
                "INSERT INTO events (session_key, sequence, type, payload)"
                " SELECT max(key), 0, 'user.message', jsonb_build_object('content', %s::jsonb) FROM sessions",
                [content],
            )
    assert [row.opening for row in (await reverie.find_sessions()).data] == ["see?", "plain", "", ""]


async def test_the_facts_of_a_session_tell_what_it_was_shown_and_drawn_for(server: Server, reverie: Reverie) -> None:
    at = datetime(2026, 1, 9, tzinfo=UTC)
    store = (await reverie.beta.memory_stores.create(name="notes")).id
    memory = await reverie.beta.memory_stores.memories.create(store, path="/a.md", content="of A")
    trial = await reverie.start_trial(store, advice="Be kind")
    async with server.service.database.connection() as connection:
        await add_sessions(connection, at, None, None)
        await connection.execute(
            "INSERT INTO lessons (memory_store_id, id, status, kind, lesson) VALUES"
            """ (%s, 'lsn_1', 'adopted', 'best_practice', '{"statement": "Look first."}')""",
            [store],
        )
        for place, subject in enumerate(("lsn_1", memory.id, "mem_gone")):
            await connection.execute(
                "INSERT INTO exposures (session_key, subject, version, memory_store_id, position, tokens, mechanism,"
                " shown_at) SELECT key, %s, 'v', %s, %s, 1, 'briefing', %s FROM sessions",
                [subject, store, place, at],
            )
        await connection.execute(
            "INSERT INTO session_briefings (session_key, text, made_at) SELECT key, 'Look first.', %s FROM sessions",
            [at],
        )
        await connection.execute(
            "INSERT INTO trial_assignments (trial_id, place, reference, session_key, unit, stratum, shown, share,"
            " predicted, counted, contaminated, eligible_at)"
            " SELECT %s, 1, id, key, id, '', false, 0.5, 0.5, true, false, %s FROM sessions",
            [trial.id, at],
        )
    facts = await reverie.session_facts("09-None-0")
    assert [(one.kind, one.title) for one in facts.shown] == [
        ("lesson", "Look first."),
        ("memory", "/a.md"),
        ("memory", ""),
    ]
    assert [(draw.trial_id, draw.shown, draw.share) for draw in facts.draws] == [(trial.id, False, 0.5)]
    assert facts.briefing == "Look first."


async def test_a_session_that_is_not_there_has_neither_facts_nor_events(http: AsyncClient) -> None:
    assert (await http.get("/v1/sessions/nobody/facts")).status_code == 404
    assert (await http.get("/v1/sessions/nobody/event_range")).status_code == 404


async def add_sessions(connection: Connection, day: datetime, task: str | None, *rewards: float | None) -> None:
    for place, reward in enumerate(rewards):
        await connection.execute(
            "INSERT INTO sessions (id, source, task_id, started_at, imported_at, event_count, content_sha256, reward)"
            " VALUES (%s, 'chat', %s, %s, %s, 0, '', %s)",
            [f"{day:%d}-{task}-{place}", task, day, day, reward],
        )


async def test_rewards_of_a_day_have_an_interval_that_counts_a_task_once(server: Server, reverie: Reverie) -> None:
    now = server.service.clock.now()
    async with server.service.database.connection() as connection:
        await add_sessions(connection, now, "one", *[1.0] * 40)
        await add_sessions(connection, now, "other", *[0.0] * 40)
        await add_sessions(connection, now - timedelta(days=1), None, *[1.0, 0.0] * 40)
        await add_sessions(connection, now - timedelta(days=40), None, 1.0)
    activity = await reverie.activity()
    before, today = activity.days
    assert (today.sessions, today.scored, before.scored, activity.sessions) == (80, 80, 80, 161)
    assert today.reward is not None
    assert before.reward is not None
    assert today.reward.value == before.reward.value == 0.5
    assert today.reward.high - today.reward.low > 0.9
    assert before.reward.high - before.reward.low < 0.25


async def test_sessions_are_new_since_the_last_look(server: Server, reverie: Reverie) -> None:
    now = server.service.clock.now()
    async with server.service.database.connection() as connection:
        await add_sessions(connection, now, "t", 1.0, None)
        await add_sessions(connection, now - timedelta(days=2), "t", 1.0)
    activity = await reverie.activity(new_since=now - timedelta(days=1))
    assert (activity.new_sessions, activity.new_scored) == (2, 1)


async def test_what_waits_for_a_person_is_listed(server: Server, reverie: Reverie) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = '{"sessions": 1, "rate": 0.5, "low": null, "high": 0.1, "evidence": 1.0}'
    async with server.service.database.connection() as connection:
        await connection.execute(
            "INSERT INTO charter_alarms (id, charter_agent_id, version, agent, behaviour, act, numbers, session_id, at)"
            " VALUES ('alm_1', '', 1, 'desk', 'call:refund', 'notice', %s::jsonb, 's', %s)",
            [numbers, at],
        )
    matter: Any = (await reverie.activity()).matters[0]
    assert (matter.kind, matter.id, matter.subject_id, matter.title, matter.at) == (
        *("alarm", "alm_1", "desk", "call:refund"),
        at,
    )


async def test_an_empty_workspace_has_no_activity(reverie: Reverie) -> None:
    activity = await reverie.activity()
    assert (activity.sessions, activity.days, activity.matters) == (0, (), ())
