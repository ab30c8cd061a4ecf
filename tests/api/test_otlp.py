import gzip
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
import pytest_asyncio
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from reverie.api import otlp_form, receiving
from reverie.api.limits import MOST_BODY_BYTES
from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.receiving import assemble_received
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server, running
from tests.quick_server import TLS
from tests.sessions.otlp_spans import BEGIN, TRACE, as_protobuf, attributes, chat, desk, request, span, text

JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}
ENCODINGS = [JSON, PROTOBUF]


@pytest_asyncio.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    """A server that takes traces to be at rest at once."""
    async with running(msgspec.structs.replace(settings, receive_rest_seconds=0), ServiceOptions()) as server:
        yield server


async def send(http: httpx2.AsyncClient, spans: list[dict[str, Any]]) -> httpx2.Response:
    return await http.post("/v1/traces", content=json.dumps(request(spans)).encode(), headers=JSON)


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def put_together(server: Server) -> None:
    """Wait until all that came is put together, by the test or by the server."""
    while await rows(server.service.database, "SELECT FROM received_traces WHERE version <> assembled_version"):
        await receiving.assemble_all(server.service)


async def told(server: Server, http: httpx2.AsyncClient, session_id: str = "conv-1") -> str:
    """The session as text once all that came is put together."""
    await put_together(server)
    return (await http.get(f"/v1/sessions/{session_id}/transcript")).text


def status(answer: httpx2.Response) -> tuple[int, str]:
    """Code and message of a ``google.rpc.Status``; in protobuf the message stands at the end."""
    if answer.headers["content-type"] == "application/json":
        return answer.json()["code"], answer.json()["message"]
    tag, code, text_tag = answer.content[:3]
    assert (tag, text_tag) == (0x08, 0x12)
    return code, answer.content[4:].decode(errors="ignore")


async def test_spans_in_protobuf_packed_by_gzip_become_a_session(server: Server, http: httpx2.AsyncClient) -> None:
    content = gzip.compress(as_protobuf(request(desk())))
    answer = await http.post("/v1/traces", content=content, headers=PROTOBUF | {"content-encoding": "gzip"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert (await told(server, http)).endswith("agent: Bye\n")


async def test_json_and_protobuf_tell_the_same(server: Server, http: httpx2.AsyncClient) -> None:
    answer = await send(http, desk())
    assert (answer.status_code, answer.json()) == (200, {})
    first = await told(server, http)
    await http.post("/v1/traces", content=as_protobuf(request(desk())), headers=PROTOBUF)
    assert await told(server, http) == first
    assert await rows(server.service.database, "SELECT count(*) FROM sessions") == [(1,)]


async def test_log_records_tell_what_was_said_in_spans(server: Server, http: httpx2.AsyncClient) -> None:
    said = {"traceId": TRACE, "spanId": f"{1:016x}", "timeUnixNano": str(BEGIN), "eventName": "gen_ai.user.message"}
    body = {"kvlistValue": {"values": attributes({"content": "Where is it?"})}}
    content = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [said | {"body": body}]}]}]}).encode()
    assert (await http.post("/v1/logs", content=content, headers=JSON)).status_code == 200
    await send(http, [span(1, 0, 1, {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "logged"})])
    assert "user: Where is it?" in await told(server, http, "logged")


@pytest.mark.parametrize("headers", ENCODINGS)
async def test_spans_that_cannot_be_read_are_told_of_and_the_others_kept(
    server: Server, http: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    spans = request([*desk(), desk()[0] | {"spanId": "0" * 16}])
    content = json.dumps(spans).encode() if headers is JSON else as_protobuf(spans)
    answer = await http.post("/v1/traces", content=content, headers=headers)
    if headers is JSON:
        partial = answer.json()["partialSuccess"]
        found = int(partial["rejectedSpans"]), partial["errorMessage"]
    else:
        success = ExportTraceServiceResponse.FromString(answer.content).partial_success
        found = success.rejected_spans, success.error_message
    assert (answer.status_code, found) == (200, (1, "a span has no traceId or no spanId; 1 such are left out"))
    assert (await told(server, http)).endswith("agent: Bye\n")


REFUSED: dict[str, tuple[dict[str, str], bytes, int, int]] = {
    "no JSON": (JSON, b"{", 400, 3),
    "JSON without spans": (JSON, b'{"spans": []}', 400, 3),
    "logs among traces": (JSON, b'{"resourceLogs": []}', 400, 3),
    "no protobuf": (PROTOBUF, b"hello", 400, 3),
    "no gzip": (JSON | {"content-encoding": "gzip"}, b"{}", 400, 3),
    "gzip cut off": (JSON | {"content-encoding": "gzip"}, gzip.compress(b"{}" * 99)[:-9], 400, 3),
    "another packing": (JSON | {"content-encoding": "br"}, b"{}", 415, 3),
    "another type": ({"content-type": "text/plain"}, b"{}", 415, 3),
    "a zip bomb": (PROTOBUF | {"content-encoding": "gzip"}, gzip.compress(bytes(MOST_BODY_BYTES + 1)), 413, 8),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_request_is_refused_in_its_own_encoding(
    server: Server, http: httpx2.AsyncClient, name: str
) -> None:
    headers, content, expected, code = REFUSED[name]
    answer = await http.post("/v1/traces", content=content, headers=headers)
    assert (answer.status_code, status(answer)[0]) == (expected, code), answer.content
    kind = "application/x-protobuf" if headers["content-type"].endswith("protobuf") else "application/json"
    assert answer.headers["content-type"] == kind
    assert await rows(server.service.database, "SELECT FROM received_spans") == []


@pytest.mark.parametrize("headers", ENCODINGS)
async def test_an_empty_request_is_a_good_one(http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    content = b"{}" if headers is JSON else b""
    assert (await http.post("/v1/traces", content=content, headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", ENCODINGS)
async def test_a_key_that_may_not_write_is_refused(server: Server, headers: dict[str, str]) -> None:
    async with server.http(await server.key("read")) as http:
        answer = await http.post("/v1/traces", content=b"{}", headers=headers)
    assert (answer.status_code, status(answer)[0]) == (403, 7)


async def test_a_missing_key_is_asked_for(server: Server) -> None:
    async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS, verify=TLS) as http:
        answer = await http.post("/v1/traces", content=b"", headers=PROTOBUF)
    assert (answer.status_code, status(answer)[0]) == (401, 16)
    assert "no API key" in status(answer)[1]


async def test_protobuf_without_its_library_says_what_to_install(
    http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_form, "can_read", lambda encoding: encoding == "json")
    answer = await http.post("/v1/traces", content=b"", headers=PROTOBUF)
    assert answer.status_code == 415
    assert "reverie[otlp]" in status(answer)[1]
    assert (await http.post("/v1/traces", content=b"{}", headers=JSON)).status_code == 200


async def test_a_sender_is_to_try_again_when_the_database_is_away(server: Server, http: httpx2.AsyncClient) -> None:
    async with server.service.database.connection() as connection:
        await connection.execute("ALTER TABLE received_spans RENAME TO away")
    ours = await send(http, desk())
    assert ours.status_code == 500  # A defect of ours is none of passing trouble, and is not tried for ever.
    await server.service.database.pool.close()
    answer = await http.post("/v1/traces", content=as_protobuf(request(desk())), headers=PROTOBUF)
    assert (answer.status_code, status(answer)[0], answer.headers["retry-after"]) == (503, 14, "5")


async def test_a_key_that_sends_too_often_is_told_when_to_send_again(settings: Settings) -> None:
    async with (
        running(settings, ServiceOptions(requests_per_minute=1)) as server,
        server.http(await server.key("write")) as http,
    ):
        first, second = [await http.post("/v1/traces", content=b"", headers=PROTOBUF) for _ in range(2)]
    assert (first.status_code, second.status_code, status(second)[0]) == (200, 429, 8)
    assert int(second.headers["retry-after"]) > 0


async def test_a_server_that_is_busy_reading_says_when_to_send_again(
    server: Server, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.api.routes.otlp._PATIENCE_SECONDS", 0.01)
    for _ in range(4):
        await server.service.receiving.acquire()
    answer = await send(http, desk())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")


async def test_a_conversation_that_breaks_the_pass_does_not_keep_others_waiting(
    server: Server, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = assemble_received

    async def broken(database: Database, trace_id: str, *rest: Any) -> Any:
        if trace_id == "2" * 32:
            raise LookupError("a defect of ours")
        return await whole(database, trace_id, *rest)

    monkeypatch.setattr("reverie.api.receiving.assemble_received", broken)
    await send(http, [chat(1, 0, 1, [text("user", "broken")], [], trace="2" * 32), *desk()])
    assert (await told(server, http)).endswith("agent: Bye\n")
    ((problem,),) = await rows(server.service.database, "SELECT problem FROM received_traces WHERE problem IS NOT NULL")
    assert "log has the reason" in problem


async def test_workspaces_keep_conversations_of_one_name_apart(server: Server, http: httpx2.AsyncClient) -> None:
    async with server.http(await server.key("write", await server.workspace("other"))) as theirs:
        await send(theirs, [chat(1, 0, 1, [text("user", "theirs")], [], more={"session.id": "conv-1"})])
        await send(http, desk())
        await receiving.assemble_all(server.service)
        await receiving.assemble_all(server.service)
        assert "theirs" in (await theirs.get("/v1/sessions/conv-1/transcript")).text
    assert "theirs" not in await told(server, http)


async def test_secrets_are_replaced_before_anything_is_kept(server: Server, http: httpx2.AsyncClient) -> None:
    secret = f"ghp_{secrets.token_hex(18)}"
    said = chat(1, 0, 1, [text("user", f"use {secret}")], [text("assistant", "done")], name=f"chat {secret}")
    exception = {"exception.type": "Denied", "exception.message": secret}
    broken = span(2, 0, 1, {"custom": {"deep": [secret]}}, parent=1, events=[("exception", 1, exception)], error=secret)
    resource = {"service.name": "shop", "process.command_args": f"--token={secret}"}
    content = json.dumps(request([said, broken], resource)).encode()
    await http.post("/v1/traces", content=content, headers=JSON)
    kept = b"".join(row[0] for row in await rows(server.service.database, "SELECT spans FROM received_spans"))
    assert secret.encode() not in kept and kept.count(b"[GITHUB") == 7
    transcript = await told(server, http, TRACE)
    assert "use [GITHUB" in transcript and secret not in transcript


async def test_a_deleted_session_takes_its_spans_with_it(server: Server, http: httpx2.AsyncClient) -> None:
    await send(http, desk())
    await put_together(server)
    assert (await http.delete("/v1/sessions/conv-1")).status_code == 200
    for table in ("received_spans", "received_traces", "received_conversations", "received_sessions"):
        assert await rows(server.service.database, f"SELECT FROM {table}") == []


async def test_log_records_in_protobuf_are_answered_in_the_messages_of_logs(http: httpx2.AsyncClient) -> None:
    sent: Any = ExportLogsServiceRequest()
    sent.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "a line of a program's log"
    answer = await http.post("/v1/logs", content=sent.SerializeToString(), headers=PROTOBUF)
    assert answer.status_code == 200
    assert ExportLogsServiceResponse.FromString(answer.content) == ExportLogsServiceResponse()
