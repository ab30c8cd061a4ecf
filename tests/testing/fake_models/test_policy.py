"""Who decides the replies, and what they are told."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anthropic
import pytest

from reverie.errors import InputError
from reverie.testing.fake_models import Reply, Request, call, fault, load_policy, read_script, say, think
from reverie.testing.fake_models.reply import Fault, Text, ToolUse, Usage
from tests.testing.fake_models.conftest import FUNCTIONS, TOOLS, Asking, assistant, text, tool_result, tool_use, user


def listing(request: Request) -> Reply:
    """A small agent's model: looks at the files, then says what it saw."""
    if not request.results:
        return say("I look.") + call("bash", {"command": "ls"})
    return say(f"{request.results[0].input['command']} gave {request.results[0].text}")


async def test_an_asynchronous_function_can_decide(asking: Asking) -> None:
    async def decide(request: Request) -> str:
        return f"{request.number}: {request.text}"

    asking.server.follow(decide)
    assert asking.message(user("hi")).content[0].text == "1: hi"
    assert asking.completion(user("ho")).choices[0].message.content == "2: ho"


def test_one_policy_serves_the_messages_api(asking: Asking) -> None:
    asking.server.follow(listing)
    made = asking.message(tools=TOOLS).content
    answer = asking.message(user("hello"), assistant(made), user([tool_result(made[1].id, "a.txt")]), tools=TOOLS)
    assert answer.content[0].text == "ls gave a.txt"


def test_the_same_policy_serves_chat_completions(asking: Asking) -> None:
    asking.server.follow(listing)
    made = asking.completion(tools=FUNCTIONS).choices[0].message
    result = {"role": "tool", "tool_call_id": made.tool_calls[0].id, "content": "a.txt"}
    answer = asking.completion(user("hello"), made.to_dict(), result, tools=FUNCTIONS)
    assert answer.choices[0].message.content == "ls gave a.txt"


def test_both_dialects_ask_the_same(asking: Asking) -> None:
    seen: list[Request] = []
    asking.server.follow(lambda request: seen.append(request) or "fine")  # type: ignore[func-returns-value]
    asking.message(
        user("hi"),
        assistant([text("I look."), tool_use("t1")]),
        user([tool_result("t1", "a.txt"), text("go on")]),
        tools=TOOLS,
        system="Be kind.",
    )
    made = {"id": "t1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    asking.completion(
        {"role": "system", "content": "Be kind."},
        user("hi"),
        {"role": "assistant", "content": "I look.", "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "t1", "content": "a.txt"},
        user("go on"),
        tools=FUNCTIONS,
    )
    first, second = seen
    assert (first.system, first.tools, first.text) == (second.system, second.tools, second.text)
    assert first.results == second.results
    assert first.calls == second.calls
    assert [message["role"] for message in first.messages] == [message["role"] for message in second.messages]


def test_a_script_that_is_at_its_end_says_so(asking: Asking) -> None:
    asking.server.follow(["only"])
    asking.message()
    with pytest.raises(anthropic.BadRequestError, match="the script has no reply to request 2"):
        asking.message()


def test_a_policy_that_gives_something_else_is_told(asking: Asking) -> None:
    asking.server.follow([None])  # type: ignore[list-item]
    with pytest.raises(anthropic.BadRequestError, match="the policy gave a NoneType at request 1"):
        asking.message()


def test_an_error_of_the_policy_reaches_the_client_once(asking: Asking) -> None:
    def broken(request: Request) -> str:
        raise KeyError(request.text)

    asking.server.follow(broken)
    with pytest.raises(anthropic.BadRequestError, match="the policy failed at request 1: KeyError: 'hello'"):
        asking.claude.with_options(max_retries=3).messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
        )
    assert [request.status for request in asking.server.requests] == [400]


def test_an_error_of_the_policy_says_that_its_connection_ends(asking: Asking) -> None:
    def broken(request: Request) -> str:
        raise KeyError(request.text)

    asking.server.follow(broken)
    with pytest.raises(anthropic.BadRequestError) as raised:
        asking.message()
    assert raised.value.response.headers["connection"] == "close"


SCRIPT: list[Any] = [
    "plain",
    {"think": "hm", "say": "I look.", "calls": [{"tool": "bash", "input": {"command": "ls"}}]},
    {"blocks": [{"type": "tool_use", "name": "bash", "id": "t1"}, {"type": "text", "text": "after"}]},
    {"fault": "rate_limit", "retry_after": 2},
    {"say": "cut", "fault": "cut", "after": 1},
    {"say": "dear", "usage": {"output_tokens": 900}, "stop_reason": "max_tokens"},
]
REPLIES = [
    say("plain"),
    think("hm") + say("I look.") + call("bash", {"command": "ls"}),
    Reply((ToolUse("bash", {}, "t1"), Text("after"))),
    fault("rate_limit", retry_after=2),
    Reply((Text("cut"),), fault=Fault(name="cut", after=1)),
    Reply((Text("dear"),), "max_tokens", usage=Usage(output_tokens=900)),
]


def test_a_script_file_holds_the_same_replies(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(SCRIPT), encoding="utf-8")
    assert read_script(path) == load_policy(str(path)) == REPLIES


def test_a_script_file_may_be_yaml(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("- plain\n- think: hm\n  calls:\n    - {tool: bash, input: {command: ls}}\n", encoding="utf-8")
    assert read_script(path) == [say("plain"), think("hm") + call("bash", {"command": "ls"})]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "must be a list of replies"),
        ("- [", "cannot be read"),
        ("- fine\n- {says: hm}", "reply 2: .*unknown field `says`"),
        ("- {fault: earthquake}", "reply 1: .*earthquake"),
        ("- {fault: cut, after: -1}", "reply 1: .*must be 0 or more"),
    ],
)
def test_a_malformed_script_says_where(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_script(path)


def test_a_policy_is_loaded_by_name() -> None:
    assert load_policy(f"{__name__}:listing") is listing


@pytest.mark.parametrize("name", ["nothing", "no.such.module:f", f"{__name__}:no_such", "no/such.yaml"])
def test_a_policy_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=name.rpartition(":")[2]):
        load_policy(name)


def test_a_client_that_goes_in_the_middle_of_its_request_has_asked_nothing(asking: Asking) -> None:
    asking.server.follow(["first"])
    address = urlsplit(asking.server.url)
    keys = b"x-api-key: k\r\nanthropic-version: 2023-06-01\r\ncontent-length: 99"
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + keys + b"\r\n\r\n{")
    assert asking.message().content[0].text == "first"
    assert [request.status for request in asking.server.requests] == [200]
