import asyncio
from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic, BadRequestError, NotFoundError

from reverie.jobs.digestion import digest_sessions
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.installation import redaction_key
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.transcripts import read_transcripts
from tests.api.conftest import Server
from tests.api.test_session_events import HELLO, make_session, record
from tests.conftest import ChatFile


async def import_one(server: Server, settings: Settings, chat_file: ChatFile) -> str:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    path = chat_file("one.jsonl", {"id": "a", "agent": "desk", "messages": messages, "usage": {"prompt_tokens": 3}})
    database: Database = server.service.database
    options = ImportOptions(overrides={"agent": "desk"})
    await import_sessions(database, settings, [path], options, server.service.clock, lambda _: None)
    async with database.connection() as connection:
        row = await (await connection.execute("SELECT id FROM sessions")).fetchone()
    assert row is not None
    return str(row[0])


async def test_a_session_keeps_the_agent_as_it_was_when_it_began(client: AsyncAnthropic) -> None:
    session = await make_session(client, title="t", metadata={"task_id": "7"})
    await client.beta.agents.update(session.agent.id, name="renamed")
    kept = await client.beta.sessions.retrieve(session.id)
    assert (kept.agent.name, kept.agent.version, kept.title, kept.status) == ("desk", 1, "t", "idle")


async def test_overrides_hold_for_one_session_alone(client: AsyncAnthropic) -> None:
    agent = await client.beta.agents.create(name="desk", model="any-model", system="be kind")
    environment = await client.beta.environments.create(name="e")
    overridden: Any = {"type": "agent_with_overrides", "id": agent.id, "system": None, "model": "other"}
    session = await client.beta.sessions.create(agent=overridden, environment_id=environment.id)
    assert (session.agent.system, session.agent.model.id, session.agent.version) == (None, "other", 1)
    assert (await client.beta.agents.retrieve(agent.id)).system == "be kind"
    cleared: Any = {"type": "agent_with_overrides", "id": agent.id, "tools": None, "skills": None}
    assert (await client.beta.sessions.create(agent=cleared, environment_id=environment.id)).agent.tools == []
    without: Any = {"type": "agent_with_overrides", "id": agent.id, "model": None}
    with pytest.raises(BadRequestError) as refused:
        await client.beta.sessions.create(agent=without, environment_id=environment.id)
    assert refused.value.body["error"]["details"]["error_code"] == "agent_model_required"  # type: ignore[index]


async def test_nothing_is_made_of_what_is_archived_or_unknown(client: AsyncAnthropic) -> None:
    session = await make_session(client)
    await client.beta.agents.archive(session.agent.id)
    with pytest.raises(BadRequestError):
        await client.beta.sessions.create(agent=session.agent.id, environment_id=session.environment_id)
    with pytest.raises(NotFoundError):
        await client.beta.sessions.create(agent="agent_nobody", environment_id=session.environment_id)
    assert len([one async for one in client.beta.sessions.list()]) == 1


async def test_lists_filter_and_page_there_and_back(client: AsyncAnthropic) -> None:
    first = await make_session(client)
    more = [
        await client.beta.sessions.create(agent=first.agent.id, environment_id=first.environment_id) for _ in range(4)
    ]
    await make_session(client, initial_events=HELLO)
    of_agent = [one.id async for one in client.beta.sessions.list(agent_id=first.agent.id, limit=2)]
    assert of_agent == [one.id for one in reversed([first, *more])]
    assert len([one async for one in client.beta.sessions.list(statuses=["running"])]) == 1
    page = await client.beta.sessions.list(limit=2)
    second = await page.get_next_page()
    assert page.prev_page is None
    back = await client.beta.sessions.list(limit=2, page=str(second.prev_page))
    assert [one.id for one in back.data] == [one.id for one in page.data]
    with pytest.raises(BadRequestError, match="order"):
        await client.beta.sessions.list(page=str(page.next_page), order="asc")


async def test_an_update_says_what_changed_and_nothing_when_nothing_did(client: AsyncAnthropic) -> None:
    session = await make_session(client, metadata={"a": "1"})
    changed = await client.beta.sessions.update(session.id, title="new", metadata={"a": None, "b": "2"})
    assert (changed.title, changed.metadata) == ("new", {"b": "2"})
    await client.beta.sessions.update(session.id, title="new")
    (event,) = [event async for event in client.beta.sessions.events.list(session.id)]
    assert event.type == "session.updated"
    assert (event.title, event.metadata, event.agent) == ("new", {"b": "2"}, None)


async def test_tools_change_only_while_idle_and_budgets_only_when_there_was_one(client: AsyncAnthropic) -> None:
    running = await make_session(client, initial_events=HELLO)
    with pytest.raises(BadRequestError):
        await client.beta.sessions.update(running.id, agent={"tools": []})
    with pytest.raises(BadRequestError) as refused:
        await client.beta.sessions.update(
            running.id, budget={"type": "limit", "max_list_cost": {"amount": "100", "currency": "USD"}}
        )
    assert refused.value.body["error"]["details"]["error_code"] == "budget_create_only"  # type: ignore[index]


async def test_archiving_ends_a_session_and_keeps_its_history(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client)
    await record(
        http,
        session.id,
        {"type": "agent.message", "content": [{"type": "text", "text": "Hi."}]},
        {"type": "session.status_idle"},
    )
    archived = await client.beta.sessions.archive(session.id)
    assert archived.status == "terminated"
    assert (await client.beta.sessions.archive(session.id)).archived_at == archived.archived_at
    types = [event.type async for event in client.beta.sessions.events.list(session.id)]
    assert types[-1] == "session.status_terminated"
    assert [one.id async for one in client.beta.sessions.list()] == []
    assert [one.id async for one in client.beta.sessions.list(include_archived=True)] == [session.id]


async def test_imported_sessions_are_listed_and_read_like_live_ones(
    server: Server, settings: Settings, chat_file: ChatFile, client: AsyncAnthropic
) -> None:
    id_ = await import_one(server, settings, chat_file)
    (listed,) = [one async for one in client.beta.sessions.list()]
    assert (listed.id, listed.status, listed.agent.name) == (id_, "idle", "desk")
    types = [event.type async for event in client.beta.sessions.events.list(id_)]
    assert types[:2] == ["user.message", "agent.message"]
    with pytest.raises(BadRequestError, match="imported"):
        await client.beta.sessions.events.send(id_, events=HELLO)


async def test_a_store_is_mounted_under_its_name_as_it_was(client: AsyncAnthropic) -> None:
    agent = await client.beta.agents.create(name="desk", model="any-model")
    environment = await client.beta.environments.create(name="e")
    stores = [await client.beta.memory_stores.create(name="Desk Notes!") for _ in range(2)]
    attached: Any = [{"type": "memory_store", "memory_store_id": store.id} for store in stores]
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id, resources=attached)
    paths = [resource.mount_path for resource in session.resources]
    assert paths == ["/mnt/memory/desk-notes", "/mnt/memory/desk-notes-2"]
    assert [one.id async for one in client.beta.sessions.list(memory_store_id=stores[1].id)] == [session.id]
    with pytest.raises(BadRequestError, match="twice"):
        await client.beta.sessions.create(agent=agent.id, environment_id=environment.id, resources=attached[:1] * 2)


async def test_files_come_and_go_in_a_live_session(client: AsyncAnthropic) -> None:
    session = await make_session(client)
    file = await client.beta.files.upload(file=("data.csv", b"a,b\n", "text/csv"))
    added = await client.beta.sessions.resources.add(session.id, type="file", file_id=file.id, mount_path="/data.csv")
    assert added.mount_path == "/mnt/session/uploads/data.csv"
    assert [one.type async for one in client.beta.sessions.resources.list(session.id)] == ["file"]
    await client.beta.sessions.resources.delete(added.id, session_id=session.id)
    assert [one async for one in client.beta.sessions.resources.list(session.id)] == []


async def test_a_self_hosted_session_mounts_memory_stores_alone(client: AsyncAnthropic) -> None:
    file = await client.beta.files.upload(file=("data.csv", b"a", "text/csv"))
    with pytest.raises(BadRequestError, match="memory stores alone"):
        await make_session(
            client, environment={"type": "self_hosted"}, resources=[{"type": "file", "file_id": file.id}]
        )


async def test_a_child_thread_has_a_stream_of_its_own(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    session = await make_session(client)
    (created,) = await record(http, session.id, {"type": "session.thread_created", "agent_name": "helper"})
    child = created["session_thread_id"]
    await record(
        http,
        session.id,
        {"type": "agent.message", "content": [{"type": "text", "text": "Hi."}]},
        session_thread_id=child,
    )
    (call,) = await record(
        http, session.id, {"type": "agent.custom_tool_use", "name": "t", "input": {}}, session_thread_id=child
    )
    threads = [thread async for thread in client.beta.sessions.threads.list(session.id)]
    assert [thread.parent_thread_id is None for thread in threads] == [True, False]
    own = [event.type async for event in client.beta.sessions.threads.events.list(child, session_id=session.id)]
    assert own == ["agent.message", "agent.custom_tool_use"]
    seen = {event.id: event.type async for event in client.beta.sessions.events.list(session.id)}
    assert call["id"] in seen
    assert "agent.message" not in seen.values()
    archived = await client.beta.sessions.threads.archive(child, session_id=session.id)
    assert archived.archived_at is not None


async def test_what_dreams_read_of_a_live_session_is_redacted_and_what_clients_read_is_not(
    server: Server, client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    text = "my address is ann@example.org"
    hello: Any = [{"type": "user.message", "content": [{"type": "text", "text": text}]}]
    session = await make_session(client, initial_events=hello)
    await record(
        http,
        session.id,
        {"type": "session.status_idle"},
        {"type": "agent.message", "content": [{"type": "text", "text": "Hi."}]},
    )
    database = server.service.database
    async with database.connection() as connection:
        await redaction_key(connection, b"k" * 32)
        (transcript,) = await read_transcripts(connection, [session.id])
        ((key,),) = await (await connection.execute("SELECT key FROM sessions")).fetchall()
    assert "ann@example.org" not in str(transcript.events)
    (digest,) = (await asyncio.to_thread(digest_sessions, database.url, [key])).rows
    assert digest.opening.startswith("my address is") and "ann@" not in digest.opening
    shown = [event async for event in client.beta.sessions.events.list(session.id, types=["user.message"])]
    assert text in str(shown[0])
