"""Methods, origins, older spellings, and what is refused before it can do harm."""

from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic

from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from tests.api.conftest import running

TEXT = {"type": "text", "text": "Hi."}


async def session(client: AsyncAnthropic, **fields: Any) -> str:
    agent = await client.beta.agents.create(name="clerk", model="any-model")
    desk = await client.beta.environments.create(name="desk")
    return (await client.beta.sessions.create(agent=agent.id, environment_id=desk.id, **fields)).id


def message_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/agents", {"GET", "HEAD", "POST"}),
        ("DELETE", "/v1/agents/agent_1", {"GET", "HEAD", "POST"}),
        ("GET", "/v1/agents/agent_1/archive", {"POST"}),
        ("PATCH", "/v1/sessions/sesn_1", {"DELETE", "GET", "HEAD", "POST"}),
        ("POST", "/health", {"GET", "HEAD"}),
    ],
)
async def test_a_path_says_which_methods_it_takes(
    http: httpx2.AsyncClient, method: str, path: str, allow: set[str]
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allow
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_page_of_a_named_origin_may_call_and_no_other(settings: Settings) -> None:
    async with (
        running(settings, ServiceOptions(cors_origins=("https://desk.example.com",))) as server,
        server.http(await server.key()) as http,
    ):
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
        answer = await http.options("/v1/agents", headers={"origin": "https://desk.example.com", **asked})
        assert answer.headers["access-control-allow-origin"] == "https://desk.example.com"
        refused = await http.options("/v1/agents", headers={"origin": "https://evil.example.com", **asked})
        assert "access-control-allow-origin" not in refused.headers


async def test_without_the_setting_no_page_may_call(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/agents", headers={"origin": "https://desk.example.com"})
    assert "access-control-allow-origin" not in answer.headers


async def test_a_session_is_found_by_its_older_spelling_and_streamed_at_its_older_path(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    session_id = await session(client)
    older = session_id.replace("sesn_", "session_")
    assert (await client.beta.sessions.retrieve(older)).id == session_id
    async with http.stream("GET", f"/v1/sessions/{older}/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (await anext(answer.aiter_lines())) == "event: ping"


async def test_the_stream_of_an_archived_session_ends(client: AsyncAnthropic) -> None:
    session_id = await session(client)
    await client.beta.sessions.archive(session_id)
    assert [event async for event in await client.beta.sessions.events.stream(session_id)] == []


@pytest.mark.parametrize("name", ["managed-agents-2026-04-01-research-preview"])
async def test_strict_betas_know_the_name_of_the_research_preview(settings: Settings, name: str) -> None:
    async with (
        running(settings, ServiceOptions(strict_betas=True)) as server,
        server.http(await server.key()) as http,
    ):
        assert (await http.get("/v1/agents", headers={"anthropic-beta": name})).status_code == 200
        assert (await http.get("/v1/agents", headers={"anthropic-beta": f"{name}x"})).status_code == 400


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"type": "user.message", "content": []}, "events.0.content:"),
        ({"type": "user.message", "content": [{"type": "text", "text": " \n"}]}, "events.0.content.0.text:"),
        (
            {
                "type": "user.message",
                "content": [{"type": "document", "source": {"type": "file", "file_id": "file_0"}}],
            },
            "events.0.content.0.source.file_id:",
        ),
        (
            {"type": "user.message", "content": [TEXT, {"type": "image", "source": {"type": "file", "file_id": "x"}}]},
            "events.0.content.1.source.file_id:",
        ),
        ({"type": "user.custom_tool_result", "custom_tool_use_id": "x", "content": []}, "events.0.content:"),
        (
            {"type": "user.define_outcome", "description": "Do.", "rubric": {"type": "file", "file_id": "file_0"}},
            "events.0.rubric.file_id:",
        ),
        *(
            (
                {
                    "type": "user.define_outcome",
                    "description": "Do.",
                    "rubric": {"type": "text", "content": "Done."},
                    "max_iterations": number,
                },
                "events.0.max_iterations:",
            )
            for number in (-1, 0, 21, 1_000_000)
        ),
    ],
)
async def test_what_would_end_every_later_turn_is_refused(
    client: AsyncAnthropic, http: httpx2.AsyncClient, event: dict[str, Any], field: str
) -> None:
    answer = await http.post(f"/v1/sessions/{await session(client)}/events", json={"events": [event]})
    assert message_of(answer).startswith(field)


async def test_an_agent_s_empty_message_is_not_recorded(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    body = {"events": [{"type": "agent.message", "content": [{"type": "text", "text": ""}]}]}
    answer = await http.post(f"/v1/sessions/{await session(client)}/record", json=body)
    assert message_of(answer).startswith("events.0.content.0.text: there is no text; write something, or leave the ev")


@pytest.mark.parametrize(
    ("first", "second"),
    [("/a", "a"), ("/a", "/a"), ("/a/b", "a//b"), ("/a", "./a"), ("/a", "/mnt/session/uploads/a"), ("/a", "/a/b")],
)
async def test_two_files_do_not_share_a_place(
    client: AsyncAnthropic, http: httpx2.AsyncClient, first: str, second: str
) -> None:
    file = (await client.beta.files.upload(file=("a.txt", b"a"))).id
    session_id = await session(client, resources=[{"type": "file", "file_id": file, "mount_path": first}])
    body = {"type": "file", "file_id": file, "mount_path": second}
    assert "mount_path" in message_of(await http.post(f"/v1/sessions/{session_id}/resources", json=body))


@pytest.mark.parametrize("path", ["../a", "/a/../b", "/", "a/"])
async def test_a_mount_path_names_a_file(client: AsyncAnthropic, http: httpx2.AsyncClient, path: str) -> None:
    file = (await client.beta.files.upload(file=("a.txt", b"a"))).id
    body = {"type": "file", "file_id": file, "mount_path": path}
    assert "mount_path" in message_of(await http.post(f"/v1/sessions/{await session(client)}/resources", json=body))


@pytest.mark.parametrize("start", ["https://ann:pass@", "https://ann@", "http://", "git@", "ssh://"])
async def test_a_repository_has_a_plain_web_address(
    client: AsyncAnthropic, http: httpx2.AsyncClient, start: str
) -> None:
    agent = await client.beta.agents.create(name="clerk", model="any-model")
    desk = await client.beta.environments.create(name="desk")
    resource = {"type": "github_repository", "url": f"{start}github.com/a/b", "authorization_token": "t"}
    body = {"agent": agent.id, "environment_id": desk.id, "resources": [resource]}
    message = message_of(await http.post("/v1/sessions", json=body))
    assert "url" in message
    assert "pass@" not in message


async def test_an_mcp_server_s_address_has_no_password(http: httpx2.AsyncClient) -> None:
    servers = [{"type": "url", "name": "crm", "url": "https://ann:pass@crm.example.com/mcp"}]
    body = {"name": "a", "model": "m", "mcp_servers": servers}
    assert message_of(await http.post("/v1/agents", json=body)).startswith("mcp_servers.0.url: leave the user name")


async def test_what_cannot_be_stored_is_said_without_the_database(http: httpx2.AsyncClient) -> None:
    message = message_of(await http.post("/v1/agents", json={"name": "a\0b", "model": "m"}))
    assert "NUL" in message
    assert "PostgreSQL" not in message
