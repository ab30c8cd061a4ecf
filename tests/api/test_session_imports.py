import gzip
from typing import Any

import httpx2
import msgspec
import pytest
from anthropic import AsyncAnthropic

from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from tests.api.conftest import Server, running

MESSAGES = [{"role": "user", "content": "mail ann@example.com"}, {"role": "assistant", "content": "done"}]


def lines(*ids: str) -> bytes:
    return b"".join(msgspec.json.encode({"id": id_, "messages": MESSAGES}) + b"\n" for id_ in ids)


async def post(http: httpx2.AsyncClient, query: str = "", **body: Any) -> dict[str, Any]:
    answer = await http.post(f"/v1/session_imports{query}", **body)
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()
    return summary


async def test_the_body_itself_is_a_file_and_sessions_are_redacted_and_imported_once(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    query = "?filename=desk.jsonl.gz&agent=desk&set[]=file={stem}"
    first = await post(http, query, content=gzip.compress(lines("a", "b")))
    assert first["sessions"] == {"created": 2, "unchanged": 0, "extended": 0, "failed": 0}
    assert first["redactions"] == {"EMAIL": 2}
    assert (await post(http, query, content=gzip.compress(lines("a", "b"))))["sessions"]["unchanged"] == 2
    session = await client.beta.sessions.retrieve("a")
    assert session.metadata["file"] == "desk"
    text = (await http.get("/v1/sessions/a/transcript")).text
    assert (text.startswith("[0] user: mail "), "ann@example.com" in text) == (True, False)


async def test_a_form_carries_several_files_and_scores_to_join(http: httpx2.AsyncClient) -> None:
    files = [
        ("file", ("one.jsonl", lines("a"))),
        ("file", ("one.jsonl", lines("b"))),
        ("scores", ("scores.csv", b"id,success\na,1\nb,0\n")),
    ]
    summary = await post(http, "?scores_key=id&score[]=reward=success", files=files)
    assert (summary["sessions"]["created"], summary["scores"], summary["warnings"]) == (2, 2, [])


async def test_bad_lines_are_named_by_the_file_that_was_sent_and_strict_imports_nothing(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    content = lines("a") + b'{"id": "b", "messages": 7}\n'
    strict = await post(http, "?filename=desk.jsonl&format=chat&strict=true", content=content)
    assert [(error["path"], error["line"]) for error in strict["errors"]] == [("desk.jsonl", 2)]
    assert [session.id async for session in client.beta.sessions.list()] == []
    lenient = await post(http, "?filename=desk.jsonl&format=chat", content=content)
    assert (lenient["sessions"]["created"], lenient["sessions"]["failed"]) == (1, 1)


REFUSED = ["?format=none", "?scores_key=id", "?set[]=nonsense", "?filename=..", "?unknown=1"]


@pytest.mark.parametrize("query", REFUSED)
async def test_a_malformed_import_is_refused(http: httpx2.AsyncClient, query: str) -> None:
    assert (await http.post(f"/v1/session_imports{query}", content=lines("a"))).status_code == 400


async def test_an_import_larger_than_the_limit_is_refused(settings: Settings) -> None:
    small = msgspec.structs.replace(settings, import_bytes=10)
    async with running(small, ServiceOptions()) as server, server.http(await server.key()) as http:
        answer = await http.post("/v1/session_imports", content=b"x" * 2_000_000)
        assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")


async def test_workspaces_may_import_sessions_of_the_same_id(server: Server, http: httpx2.AsyncClient) -> None:
    await post(http, content=lines("a"))
    async with server.http(await server.key(workspace_id=await server.workspace("other"))) as theirs:
        assert (await post(theirs, content=lines("a")))["sessions"]["created"] == 1
