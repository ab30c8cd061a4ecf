from typing import Any

import pytest

from reverie.runtime.conversation import ThreadEvent
from reverie.runtime.web_reach import Reach, is_known, reach_of

LIMITED = {"type": "limited", "allowed_hosts": ["docs.example.com", "*.wiki.example"]}


@pytest.mark.parametrize(
    ("config", "networking", "host", "path", "allowed"),
    [
        ({}, None, "any.example", "/", True),
        ({"allowed_domains": ["example.com"]}, None, "example.com", "/", True),
        ({"allowed_domains": ["example.com"]}, None, "Docs.Example.com.", "/", True),
        ({"allowed_domains": ["example.com"]}, None, "notexample.com", "/", False),
        ({"allowed_domains": ["example.com/docs"]}, None, "example.com", "/docs/a", True),
        ({"allowed_domains": ["example.com/docs"]}, None, "example.com", "/docsearch", False),
        ({"blocked_domains": ["example.com"]}, None, "sub.example.com", "/", False),
        ({"blocked_domains": ["example.com"]}, None, "example.org", "/", True),
        ({}, LIMITED, "docs.example.com", "/", True),
        ({}, LIMITED, "sub.docs.example.com", "/", False),
        ({}, LIMITED, "en.wiki.example", "/", True),
        ({}, LIMITED, "wiki.example", "/", False),
        ({}, {"type": "limited", "allowed_hosts": []}, "docs.example.com", "/", False),
        ({}, {"type": "unrestricted"}, "docs.example.com", "/", True),
        ({"allowed_domains": ["docs.example.com"]}, {"type": "limited"}, "docs.example.com", "/", False),
    ],
)
def test_definition_and_environment_say_which_hosts_may_be_reached(
    config: dict[str, Any], networking: dict[str, Any] | None, host: str, path: str, allowed: bool
) -> None:
    assert (reach_of(config, networking).refusal(host, path) is None) is allowed


def test_a_refusal_names_the_host_and_the_rule() -> None:
    assert Reach(allowed_domains=("a.example",)).refusal("b.example") == (
        "b.example is not among the tool's allowed_domains: a.example"
    )


def event(number: int, type_: str, **payload: Any) -> ThreadEvent:
    return ThreadEvent(f"evt_{number}", number, type_, payload)


def text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


LOG = [
    event(0, "user.message", content=text("Read https://a.example/user.")),
    event(1, "agent.message", content=text("I think of https://a.example/mine")),
    event(2, "agent.custom_tool_use", name="lookup"),
    event(3, "user.custom_tool_result", custom_tool_use_id="evt_2", content=text("<https://a.example/custom>")),
    event(4, "agent.tool_use", name="web_search"),
    event(5, "agent.tool_result", tool_use_id="evt_4", content=[{"source": "https://a.example/found", "title": "F"}]),
    event(6, "agent.tool_use", name="bash"),
    event(7, "agent.tool_result", tool_use_id="evt_6", content=text("https://a.example/bash")),
]
NONE = {"type": "none"}


@pytest.mark.parametrize(
    ("sources", "known"),
    [
        (None, {"user", "mine", "custom", "found", "bash"}),
        ({"user_input": None}, {"user", "custom", "found"}),
        ({"user_input": NONE}, {"custom", "found"}),
        ({"client_tool_results": NONE, "server_tool_results": NONE}, {"user"}),
        ({"server_tool_results": {"type": "only", "tools": [{"name": "web_fetch"}]}}, {"user", "custom"}),
        ({"server_tool_results": {"type": "except", "tools": [{"name": "web_fetch"}]}}, {"user", "custom", "found"}),
        ({"client_tool_results": {"type": "except", "tools": [{"name": "lookup"}]}}, {"user", "found"}),
    ],
)
def test_url_sources_say_where_an_address_may_come_from(sources: dict[str, Any] | None, known: set[str]) -> None:
    places = ("user", "mine", "custom", "found", "bash")
    assert {place for place in places if is_known(f"https://a.example/{place}", sources, LOG)} == known


def test_the_beginning_of_an_address_is_another_address() -> None:
    assert not is_known("https://a.example/us", {"user_input": None}, LOG)
