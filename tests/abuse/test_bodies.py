import json
from typing import Any

import httpx2
import pytest

from reverie.api.app import ENDPOINTS
from reverie.api.limits import MOST_BODY_BYTES
from tests.abuse.envelope import check_refusal
from tests.conformance.world import World

PATH = "/v1/environments"
DEEP = 100_000

NOT_JSON = {
    "cut off": b'{"name": "a"',
    "no value": b'{"name":}',
    "a comment": b'{"name": "a"} // b',
    "two values": b'{"name": "a"}{"name": "b"}',
    "single quotes": b"{'name': 'a'}",
    "not a number": b'{"name": NaN}',
    "infinity": b'{"name": "a", "metadata": {"a": Infinity}}',
    "bytes that are not UTF-8": b'{"name": "\xff\xfe"}',
    "an overlong encoding": b'{"name": "\xc0\xaf"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a raw control character": b'{"name": "a\x01b"}',
    "many brackets": b"[" * DEEP,
    "many objects": b'{"name":' * DEEP,
    "deep but whole": b"[" * DEEP + b"]" * DEEP,
    "nothing": b"",
    "an array": b"[]",
    "a string": b'"name"',
    "null": b"null",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_bodies_that_are_no_json_object_are_refused(body: bytes, world: World) -> None:
    check_refusal(await world.http.post(PATH, content=body))


VALUES: dict[str, Any] = {
    "a NUL in a string": {"name": "a\0b"},
    "a NUL in a key": {"name": "a", "metadata": {"a\0": "b"}},
    "a NUL in a value": {"name": "a", "metadata": {"a": "\0"}},
    "a number": {"name": 7},
    "a huge number": {"name": 10**400},
    "null": {"name": None},
    "a list": {"name": ["a"]},
    "a boolean": {"name": True},
    "empty": {"name": ""},
    "a text of a megabyte": {"name": "a" * 1_000_000},
    "a hundred thousand keys": {f"k{number}": 1 for number in range(100_000)},
    "a key of a megabyte": {"name": "a", "k" * 1_000_000: 1},
    "metadata of a hundred pairs": {"name": "a", "metadata": {f"k{number}": "v" for number in range(100)}},
    "a deep union": {"name": "a", "config": {"type": "cloud", "networking": {"type": "unrestricted", "x": [[[{}]]]}}},
    "an unknown union member": {"name": "a", "config": {"type": "moon"}},
    "a union member that is no text": {"name": "a", "config": {"type": {"type": "cloud"}}},
    "a union that is no object": {"name": "a", "config": []},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_values_of_the_wrong_kind_or_size_are_refused(value: object, world: World) -> None:
    check_refusal(await world.http.post(PATH, content=json.dumps(value).encode()))


async def test_of_a_key_given_twice_the_last_counts(world: World) -> None:
    answer = await world.http.post(PATH, content=b'{"name": "first", "name": "last"}')
    assert (answer.status_code, answer.json()["name"]) == (200, "last")


async def test_text_of_any_script_comes_back_as_it_was_sent(world: World) -> None:
    name = "Ünï‮ 🦉 \u200b\ufeff é e\u0301 \\ \" ' \t \x7f \ue000 \U0010ffff"
    answer = await world.http.post(PATH, json={"name": name})
    assert answer.json()["name"] == name


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data", "nonsense", ""])
async def test_json_is_read_whatever_the_content_type_says(content_type: str, world: World) -> None:
    answer = await world.http.post(PATH, content=b'{"name": "a"}', headers={"content-type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut off'),
        ("application/x-www-form-urlencoded", b"file=a"),
    ],
)
async def test_uploads_that_are_no_form_with_a_file_are_refused(content_type: str, body: bytes, world: World) -> None:
    before = (await world.http.get("/v1/files")).json()
    check_refusal(await world.http.post("/v1/files", content=body, headers={"content-type": content_type}))
    assert (await world.http.get("/v1/files")).json() == before


async def test_a_body_that_is_declared_too_large_is_refused_before_it_is_sent(world: World) -> None:
    request = world.http.build_request("POST", PATH, headers={"content-length": str(MOST_BODY_BYTES + 1)})
    answer = await world.http.send(request)
    check_refusal(answer)
    assert answer.status_code == 413


async def test_a_body_of_no_declared_length_is_cut_at_the_limit(world: World) -> None:
    async def endless() -> Any:
        for _ in range(MOST_BODY_BYTES // 1_000_000 + 2):
            yield b" " * 1_000_000

    answer = await world.http.post(PATH, content=endless())
    check_refusal(answer)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "id_", ["a%00b", "%ff%fe", "..%2f..%2fetc", "x" * 4_000, "%F0%9F%A6%89", "'%20OR%20''='", "%25s"]
)
async def test_ids_of_any_bytes_name_nothing(id_: str, world: World) -> None:
    for endpoint in ENDPOINTS:
        if endpoint.path.count("{") == 1 and endpoint.path.endswith("}") and endpoint.method == "GET":
            check_refusal(await world.http.get(f"{endpoint.path.partition('{')[0]}{id_}"))


@pytest.mark.parametrize(
    "query",
    ["limit=1e3", "limit=", "limit=99999999999999999999", "page=%00", "limit=1&limit=x", "x[]=1", "[]=", "%ff=1"],
)
async def test_queries_that_make_no_sense_are_refused(query: str, world: World) -> None:
    check_refusal(await world.http.get(f"{PATH}?{query}"))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
async def test_methods_that_a_path_lacks_are_refused(method: str, world: World) -> None:
    check_refusal(await world.http.request(method, PATH))


async def test_deep_values_in_open_fields_are_kept_or_refused(world: World) -> None:
    """A tool's input may hold anything; what the database or a later reader cannot take is refused at once."""
    session_id = await world.session()
    for depth in (10, 100, 1_000, 10_000):
        use = {"type": "agent.tool_use", "name": "t", "evaluated_permission": "allow", "input": {"a": 1}}
        body = json.dumps({"events": [use]}).replace('{"a": 1}', '{"a":' * depth + "1" + "}" * depth)
        answer = await world.http.post(f"/v1/sessions/{session_id}/record", content=body.encode())
        if answer.status_code != 200:
            check_refusal(answer)
    listed = await world.http.get(f"/v1/sessions/{session_id}/events")
    assert listed.status_code == 200


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_events_that_cannot_be_stored_are_refused_whole(text: str, world: World) -> None:
    session_id = await world.session()
    events = [{"type": "user.message", "content": [{"type": "text", "text": part}]} for part in ("good", text)]
    body = json.dumps({"events": events}).encode()
    check_refusal(await world.http.post(f"/v1/sessions/{session_id}/events", content=body))
    answer: httpx2.Response = await world.http.get(f"/v1/sessions/{session_id}/events")
    assert answer.json()["data"] == []
