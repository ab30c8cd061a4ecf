"""Turns by chat completions, against a server that refuses what OpenAI's refuses and has others' quirks."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from reverie.errors import ContextOverflow, ModelAccessError, ModelError, ModelRateLimited, ModelRefused
from reverie.language_model import ModelUsage
from reverie.models.chat_reply import ChatReply
from reverie.models.chat_request import chat_body, short_id
from reverie.models.route import ModelRoute
from reverie.models.router import open_router
from reverie.models.turn_failure import Failure, name_turn_failure
from reverie.testing.fake_models import QUIRKS, call, fault, say, think
from reverie.turn_model import Block, BlockBegun, TextPiece, ToolDefinition, TurnMessage, TurnReply, TurnRequest
from tests.models.endpoint import Answer, serve
from tests.models.turning import ASKED, HELLO, going_on, model_of, pieces_of, reply_of, result, results_of

THEIRS = ModelRoute("*", "openai")
LOCAL = ModelRoute("*", "openai", base_url="http://localhost:1/v1")
FIGURE = base64.b64encode(b"\x89PNG").decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": FIGURE}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": FIGURE}}
PARALLEL = say("Both.") + call("lookup", {"key": "a"}) + call("lookup", {"key": "b"}) + call("lookup", {"n": 3})
INPUTS = [{"key": "a"}, {"key": "b"}, {"n": 3}]


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def use(call_id: str, name: str = "lookup", **fields: Any) -> Block:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {"key": "a"}, **fields}


def sent(*messages: TurnMessage, route: ModelRoute = LOCAL) -> list[dict[str, Any]]:
    """The messages of a request as they are sent."""
    body: dict[str, Any] = chat_body(TurnRequest(messages), "m", route)
    return list(body["messages"])


def user(*content: Block) -> TurnMessage:
    return TurnMessage("user", content)


def assistant(*content: Block) -> TurnMessage:
    return TurnMessage("assistant", content)


def put_together(*deltas: dict[str, Any], finish: str = "tool_calls") -> list[dict[str, Any]]:
    """The blocks of a reply that comes in these deltas."""
    reply = ChatReply(ASKED, {})
    for delta in deltas:
        reply.take({"choices": [{"index": 0, "delta": delta}]})
    reply.take({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return list(reply.reply("openai", "m")[0].blocks)


def piece(index: int | None = 0, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}


async def test_text_is_told_as_it_comes_and_as_a_whole() -> None:
    words = "A reply of some words, longer than one piece."
    async with model_of("openai", [say(words)]) as (model, models):
        pieces = await pieces_of(model)
        body = models.requests[0].body
    assert "".join(part.text for part in pieces if isinstance(part, TextPiece)) == words
    assert BlockBegun(0, "text") in pieces
    reply = pieces[-1]
    assert isinstance(reply, TurnReply) and reply.blocks == (text(words),)
    assert (reply.provider, reply.model, reply.stop_reason) == ("openai", "some-model", "end_turn")
    assert body["messages"][0] == {"role": "system", "content": "Be brief.\n\nBe kind."}
    assert body["stream_options"] == {"include_usage": True} and body["max_tokens"] == 500


@pytest.mark.parametrize("quirks", [(), *((quirk,) for quirk in QUIRKS), QUIRKS], ids=lambda quirks: "+".join(quirks))
async def test_calls_in_parallel_are_told_apart_whatever_the_server_s_quirks(quirks: Any) -> None:
    async with model_of("openai", [fault("quirks", PARALLEL, quirks=quirks), say("Done.")]) as (model, models):
        reply = await reply_of(model)
        last = await reply_of(model, going_on(ASKED, reply, results_of(reply, ["1", "2", "3"])[::-1]))
        messages = models.requests[1].body["messages"]
    calls = [block for block in reply.blocks if block["type"] == "tool_use"]
    assert [block["input"] for block in calls] == INPUTS and reply.stop_reason == "tool_use"
    assert len({block["id"] for block in calls}) == 3
    assert [message["content"] for message in messages if message["role"] == "tool"] == ["1", "2", "3"]
    assert last.blocks == (text("Done."),)


QUIRKY = {
    "an index for each": [piece(0, "a", "f", ""), piece(1, "b", "g", ""), piece(0, arguments="{}"), piece(1, None, "")],
    "one index, ids": [piece(0, "a", "f", "{}"), piece(0, "b", "g", "{}")],
    "one index, no ids, other names": [piece(0, None, "f", "{}"), piece(0, None, "g", "{}")],
    "no index": [piece(None, "a", "f", "{}"), piece(None, "b", "g", "{}")],
    "no index, pieces by id": [piece(None, "a", "f", "{"), piece(None, "b", "g", "{}"), piece(None, "a", None, "}")],
    "the name in every piece": [piece(0, "a", "f", "{"), piece(0, "a", "f", "}"), piece(1, "b", "g", "{}")],
    "an id for every piece": [piece(0, "a", "f", "{"), piece(0, "x", None, "}"), piece(1, "b", "g", "{}")],
    "empty ids and names": [piece(0, "", "f", "{"), piece(0, "", "", "}"), piece(1, "", "g", "{}")],
    "objects": [piece(0, "a", "f", {}), piece(0, "b", "g", {})],
    "nothing for no arguments": [piece(0, "a", "f"), piece(1, "b", "g")],
}


@pytest.mark.parametrize("deltas", QUIRKY.values(), ids=QUIRKY.keys())
def test_pieces_of_calls_find_theirs(deltas: list[dict[str, Any]]) -> None:
    blocks = put_together(*deltas)
    assert [(block["name"], block["input"]) for block in blocks] == [("f", {}), ("g", {})]


def test_the_same_tool_twice_without_ids_is_two_calls_when_the_first_is_complete() -> None:
    blocks = put_together(piece(0, None, "f", ""), piece(0, None, None, '{"n": 1}'), piece(0, None, "f", '{"n": 2}'))
    assert [block["input"] for block in blocks] == [{"n": 1}, {"n": 2}]


def test_a_reply_with_calls_is_a_turn_of_tools_whatever_it_says() -> None:
    for finish in ("stop", "tool_calls", "content_filter", "function_call", "eos"):
        reply = ChatReply(ASKED, {})
        reply.take({"choices": [{"delta": piece(0, "a", "f", "{}"), "finish_reason": finish}]})
        assert reply.reply("openai", "m")[0].stop_reason == "tool_use"


@pytest.mark.parametrize("written", ["{", "[1]", "null", '"x"', "{'a': 1}", '{"a": 1} {"b": 2}'])
def test_arguments_that_are_no_object_stay_a_text(written: str) -> None:
    (block,) = put_together(piece(0, "a", "f", written))
    assert (block["input"], block["raw_input"]) == (None, written)


CALLS = st.lists(st.tuples(st.sampled_from("fg"), st.dictionaries(st.text(max_size=5), st.integers())), max_size=4)


@given(CALLS, st.booleans(), st.booleans(), st.integers(1, 7))
def test_calls_survive_being_cut_into_pieces(calls: Any, has_ids: bool, has_index: bool, size: int) -> None:
    deltas = []
    for place, (name, input_) in enumerate(calls):
        written = msgspec.json.encode(input_).decode()
        index = place if has_index else 0
        deltas.append(piece(index, f"id{place}" if has_ids else None, name, ""))
        deltas += [piece(index, arguments=written[at : at + size]) for at in range(0, len(written), size)]
    blocks = put_together(*deltas)
    assert [(block["name"], block["input"]) for block in blocks] == calls


def test_ids_that_are_missing_or_taken_are_made_and_no_other_call_has_them() -> None:
    earlier = (HELLO, assistant(use("call_3_0"), use("0")), user(result("call_3_0", "1"), result("0", "2")))
    reply = ChatReply(TurnRequest(earlier), {})
    for each in (
        piece(0, None, "f", "{}"),
        piece(1, "0", "g", "{}"),
        piece(2, "x", "f", "{}"),
        piece(3, "x", "g", "{}"),
    ):
        reply.take({"choices": [{"delta": each, "finish_reason": "stop"}]})
    ids = [block["id"] for block in reply.reply("openai", "m")[0].blocks]
    assert ids[2] == "x" and len({*ids, "call_3_0", "0"}) == 6


def test_results_follow_their_calls_in_their_order_and_the_user_speaks_after_them() -> None:
    told = user(result("b", "2"), result("a", "1", is_error=True), text("And?"), text("Now."))
    messages = sent(HELLO, assistant(text("So."), use("a"), use("b")), told)
    assert messages[1]["content"] == "So."
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["a", "b"]
    assert messages[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "Error: 1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "And?\n\nNow."},
    ]


def test_long_ids_are_shortened_the_same_way_in_calls_and_results() -> None:
    first, second = "sevt_" + "x" * 60, "sevt_" + "x" * 59 + "y"
    messages = sent(HELLO, assistant(use(first), use(second)), user(result(first, "1"), result(second, "2")))
    ids = [call["id"] for call in messages[1]["tool_calls"]]
    assert ids == [message["tool_call_id"] for message in messages[2:]] == [short_id(first), short_id(second)]
    assert len(set(ids)) == 2 and max(map(len, ids)) <= 40
    assert short_id("call_1") == "call_1"


async def test_long_names_of_tools_are_shortened_and_come_back_whole() -> None:
    tool = ToolDefinition("mcp__server__" + "name_" * 20, "", {"type": "object"})
    reply = call(chat_body(TurnRequest((HELLO,), (), (tool,)), "m", LOCAL)["tools"][0]["function"]["name"])
    async with model_of("openai", [reply]) as (model, models):
        blocks = (await reply_of(model, TurnRequest((HELLO,), (), (tool,)))).blocks
        (declared,) = models.requests[0].body["tools"]
    assert blocks[0]["name"] == tool.name and len(declared["function"]["name"]) == 64
    assert declared["function"]["parameters"] == {"type": "object", "properties": {}}


def test_arguments_go_back_as_they_were_written() -> None:
    written = '{ "key":  "a" }'
    (block,) = put_together(piece(0, "a", "f", written))
    (call_sent,) = sent(HELLO, assistant(block), user(result("a", "1")))[1]["tool_calls"]
    assert call_sent["function"]["arguments"] == written


def test_images_go_as_addresses_after_the_results_that_they_are_part_of() -> None:
    web = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    shot = {"type": "tool_result", "tool_use_id": "a", "content": [text("A picture."), IMAGE]}
    tool, shown = sent(HELLO, assistant(use("a")), user(shot, text("See?"), web))[2:]
    assert tool["content"] == "A picture.\n[1 attached below]"
    assert shown["content"] == [
        {"type": "text", "text": "Attached to the result of a:"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{FIGURE}"}},
        {"type": "text", "text": "See?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]


@pytest.mark.parametrize(
    ("block", "route", "expected"),
    [
        ({"type": "document", "source": {"type": "text", "data": "Hi."}}, LOCAL, "Hi."),
        ({"type": "document", "title": "T", "source": {"type": "text", "data": "Hi."}}, LOCAL, "<document title='T'>"),
        ({"type": "document", "source": {"type": "content", "content": [text("Hi.")]}}, LOCAL, "Hi."),
        (PDF, LOCAL, "[document: application/pdf; it cannot be shown to this model]"),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, THEIRS, "[image: file_1; it cannot be"),
    ],
)
def test_documents_go_as_text_where_possible(block: Block, route: ModelRoute, expected: str) -> None:
    assert sent(user(block), route=route)[0]["content"].startswith(expected)


def test_a_pdf_goes_to_openai_as_a_file() -> None:
    (part,) = sent(user(PDF), route=THEIRS)[0]["content"]
    data = f"data:application/pdf;base64,{FIGURE}"
    assert part == {"type": "file", "file": {"filename": "document.pdf", "file_data": data}}


async def test_thoughts_are_kept_and_given_back_where_the_route_says_so() -> None:
    async with model_of("openai", [think("Hm.") + call("lookup"), "Done."], thinking=True) as (model, models):
        reply = await reply_of(model)
        await reply_of(model, going_on(ASKED, reply, results_of(reply, ["1"])))
        spoken = models.requests[1].body["messages"][2]
    assert reply.blocks[0] == {"type": "thinking", "thinking": "Hm.", "field": "reasoning_content"}
    assert spoken["reasoning_content"] == "Hm."
    (_, without, _) = sent(HELLO, assistant(*reply.blocks), user(result(reply.blocks[1]["id"], "1")))
    assert "reasoning_content" not in without


async def test_what_is_read_from_the_cache_is_not_counted_again() -> None:
    long = msgspec.structs.replace(ASKED, system=("word " * 400,))
    async with model_of("openai", [say("One."), say("Two.")]) as (model, _):
        first, second = await reply_of(model, long), await reply_of(model, long)
    assert first.usage.cache_read_tokens == 0 < second.usage.cache_read_tokens
    assert first.usage.total_tokens == second.usage.total_tokens


async def test_usage_that_is_not_told_is_estimated_and_said_so() -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "word " * 40}, "finish_reason": "stop"}]}
    events = b"data: " + msgspec.json.encode(chunk) + b"\n\ndata: [DONE]\n\n"
    with serve(Answer(events, headers={"Content-Type": "text/event-stream"})) as endpoint, capture_logs() as logs:
        async with open_router([ModelRoute("*", "openai", base_url=endpoint.url)], {}) as router:
            reply = await reply_of(router.find("m").model, TurnRequest((user(text("x" * 4000)),)))
    assert 1000 <= reply.usage.input_tokens <= 1010 and 50 <= reply.usage.output_tokens <= 60
    assert [entry["event"] for entry in logs] == ["usage was estimated: the endpoint told none"]


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, ModelUsage(9, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None}, ModelUsage(9, 2)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}, ModelUsage(5, 0, 4)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "completion_tokens": 1}, ModelUsage(5, 1, 4)),
        (
            {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
            ModelUsage(2, 0, 4, 3),
        ),
    ],
)
def test_usage_is_read_in_every_spelling(told: dict[str, Any], usage: ModelUsage) -> None:
    reply = ChatReply(ASKED, {})
    reply.take({"choices": [{"delta": {"content": "Hi."}, "finish_reason": "stop"}]})
    reply.take({"choices": [], "usage": told})
    assert reply.reply("openai", "m")[0].usage == usage


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"message": "maximum context length is 8192", "code": "context_length_exceeded"}, ContextOverflow),
        (
            400,
            {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"},
            ContextOverflow,
        ),
        (
            400,
            {"object": "error", "message": "This model's maximum context length is 8 tokens", "code": 400},
            ContextOverflow,
        ),
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, ModelAccessError),
        (413, {"message": "Request too large on tokens per minute", "code": "rate_limit_exceeded"}, ModelRateLimited),
        (None, {"message": "slow down", "code": 429}, ModelRateLimited),
        (None, {"message": "bad request", "code": 400}, ModelRefused),
        (405, None, ModelAccessError),
    ],
)
def test_refusals_of_many_servers_are_told_apart(status: int | None, body: object, kind: type[ModelError]) -> None:
    assert type(name_turn_failure("m", LOCAL, Failure(status, body, "no"))) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    error = name_turn_failure("m", LOCAL, Failure(429, None, "no", headers))
    assert isinstance(error, ModelRateLimited) and error.retry_after_seconds == seconds


async def test_effort_is_asked_for_where_the_route_says_so() -> None:
    request = msgspec.structs.replace(ASKED, effort="high")
    async with model_of("openai", ["Hi."], effort=True) as (model, models):
        await reply_of(model, request)
        assert models.requests[0].body["reasoning_effort"] == "high"
    assert "reasoning_effort" not in chat_body(request, "m", LOCAL)
    assert chat_body(request, "m", THEIRS)["max_completion_tokens"] == 500
