import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import pytest
from anthropic import APIStatusError, AsyncAnthropic, BadRequestError, NotFoundError
from hypothesis import given
from hypothesis import strategies as st

from reverie.api.routes.files import clean_once, stored_name
from reverie.clock import ManualClock
from reverie.storage.service.files import StoredFile, insert_file
from tests.api.conftest import Server


async def open_upload(server: Server, content_length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection over which the head of an upload was sent."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /v1/files HTTP/1.1\r\nhost: x\r\nx-api-key: {await server.key()}\r\n"
    body = f"content-type: multipart/form-data; boundary=b\r\ncontent-length: {content_length}\r\n\r\n"
    writer.write((head + body).encode())
    await writer.drain()
    return reader, writer


async def test_what_was_uploaded_comes_back_byte_for_byte(client: AsyncAnthropic) -> None:
    content = bytes(range(256)) * 10_000  # More than two pieces.
    file = await client.beta.files.upload(file=("report.pdf", content, "application/pdf"))
    assert (file.filename, file.mime_type, file.size_bytes) == ("report.pdf", "application/pdf", len(content))
    assert file.downloadable and file.expires_at is None
    assert await (await client.beta.files.download(file.id)).read() == content


async def test_an_empty_file_is_a_file(client: AsyncAnthropic) -> None:
    file = await client.beta.files.upload(file=("empty.txt", b""))
    assert file.size_bytes == 0
    assert await (await client.beta.files.download(file.id)).read() == b""


@given(st.text(max_size=20), st.text(st.characters(exclude_characters="/\\"), min_size=1, max_size=20))
def test_only_the_last_part_of_a_path_is_kept(folders: str, name: str) -> None:
    mime_type, kept = stored_name(f"{folders}/{name}", "text/plain")
    assert mime_type == "text/plain"
    assert kept == (name.strip() or "unnamed.txt")


async def test_a_body_cut_off_before_its_closing_boundary_keeps_nothing(http: httpx2.AsyncClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf of the'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = await http.post("/v1/files", content=body, headers=headers)
    assert answer.status_code == 400
    assert (await http.get("/v1/files")).json()["data"] == []


async def test_a_connection_lost_in_the_middle_keeps_nothing(server: Server, http: httpx2.AsyncClient) -> None:
    _, writer = await open_upload(server, content_length=5000)
    writer.write(b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf of the')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await http.get("/v1/files")).json()["data"] == []


async def test_listing_pages_through_all_files_newest_first(client: AsyncAnthropic) -> None:
    made = [(await client.beta.files.upload(file=(f"{i}.txt", b"x"))).id for i in range(5)]
    assert [file.id async for file in client.beta.files.list(limit=2)] == made[::-1]


async def test_old_clients_page_by_the_ids_around(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    made = [(await client.beta.files.upload(file=(f"{i}.txt", b"x"))).id for i in range(5)][::-1]
    after = (await http.get("/v1/files", params={"after_id": made[1], "limit": 2})).json()
    assert [file["id"] for file in after["data"]] == made[2:4]
    assert after["has_more"] and after["last_id"] == made[3]
    before = (await http.get("/v1/files", params={"before_id": made[3], "limit": 2})).json()
    assert [file["id"] for file in before["data"]] == made[1:3]


async def test_files_are_found_by_their_ids_without_the_unknown_ones(client: AsyncAnthropic) -> None:
    file = await client.beta.files.upload(file=("a.txt", b"x"))
    await client.beta.files.upload(file=("b.txt", b"x"))
    assert [found.id async for found in client.beta.files.list(ids=[file.id, "file_none", file.id])] == [file.id]
    with pytest.raises(BadRequestError, match="limit"):
        await client.beta.files.list(ids=[file.id], limit=3)
    with pytest.raises(BadRequestError, match="at most 100"):
        await client.beta.files.list(ids=[f"file_{i}" for i in range(101)])


async def test_what_a_session_made_is_listed_under_it(server: Server, client: AsyncAnthropic) -> None:
    await client.beta.files.upload(file=("mine.txt", b"x"))
    output = StoredFile("file_out", "out.txt", "text/plain", 0, server.service.clock.now(), "sesn_1")
    async with server.service.database.connection() as connection:
        with open("/dev/null", "rb") as nothing:  # noqa: ASYNC230, PTH123
            await insert_file(connection, output, nothing)
    (file,) = [file async for file in client.beta.files.list(scope_id="sesn_1")]
    assert file.id == "file_out"
    assert file.scope is not None and file.scope.id == "sesn_1"


async def test_the_content_of_an_expired_file_is_gone(server: Server, client: AsyncAnthropic) -> None:
    file = await client.beta.files.upload(file=("a.txt", b"x"), expires_in_seconds=3600)
    assert file.expires_at == file.created_at + timedelta(hours=1)
    later = ManualClock(server.service.clock.now() + timedelta(hours=2))
    object.__setattr__(server.service, "clock", later)
    with pytest.raises(NotFoundError) as refused:
        await client.beta.files.download(file.id)
    assert refused.value.body["error"]["details"]["error_code"] == "file_expired"  # type: ignore[index]
    await clean_once(server.service)
    async with server.service.database.connection() as connection:
        assert await (await connection.execute("SELECT FROM file_chunks")).fetchall() == []
    assert (await client.beta.files.retrieve_metadata(file.id)).id == file.id


@pytest.mark.parametrize("seconds", [3599, 7_776_001])
async def test_a_lifetime_out_of_bounds_is_refused(client: AsyncAnthropic, seconds: int) -> None:
    with pytest.raises(BadRequestError, match="expires_in_seconds"):
        await client.beta.files.upload(file=("a.txt", b"x"), expires_in_seconds=seconds)


async def test_a_file_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    reader, writer = await open_upload(server, content_length=600 * 1024 * 1024)
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()
    await writer.wait_closed()


async def test_a_deleted_file_is_gone_with_its_bytes(server: Server, client: AsyncAnthropic) -> None:
    file = await client.beta.files.upload(file=("a.txt", b"x"))
    assert (await client.beta.files.delete(file.id)).type == "file_deleted"
    for call in (client.beta.files.delete, client.beta.files.download, client.beta.files.retrieve_metadata):
        with pytest.raises(APIStatusError) as refused:
            await call(file.id)
        assert refused.value.status_code == 404
    async with server.service.database.connection() as connection:
        assert await (await connection.execute("SELECT FROM file_chunks")).fetchall() == []
