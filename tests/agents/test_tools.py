from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.agents.tools import BUILT_IN, offers, resolve_servers, resolve_tools
from reverie.errors import InputError

ASK: dict[str, Any] = {
    "type": "custom",
    "name": "ask",
    "description": "Asks.",
    "input_schema": {"type": "object"},
}
POLICIES = st.none() | st.sampled_from(["always_allow", "always_ask", "auto"]).map(lambda name: {"type": name})
SWITCHES = st.fixed_dictionaries({}, optional={"enabled": st.none() | st.booleans(), "permission_policy": POLICIES})
CONFIGS = st.lists(st.tuples(st.sampled_from(BUILT_IN), SWITCHES), unique_by=lambda pair: pair[0])
TOOLSETS = st.builds(
    lambda default, configs: {
        "type": "agent_toolset_20260401",
        "default_config": default,
        "configs": [{"name": name, **switches} for name, switches in configs],
    },
    st.none() | SWITCHES,
    CONFIGS,
)


def web(name: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"type": "agent_toolset_20260401", "configs": [{"name": name, **fields}]}, ASK]


@given(TOOLSETS)
def test_what_is_resolved_stays_as_it_is_when_resolved_again(toolset: dict[str, Any]) -> None:
    resolved = resolve_tools([toolset, ASK])
    assert resolve_tools(resolved) == resolved


@given(TOOLSETS, st.sampled_from(BUILT_IN))
def test_a_tool_is_offered_as_its_own_switch_says_else_the_default(toolset: dict[str, Any], name: str) -> None:
    default = (toolset["default_config"] or {}).get("enabled")
    own = next((config.get("enabled") for config in toolset["configs"] if config["name"] == name), None)
    wanted = own if own is not None else default
    assert offers(resolve_tools([toolset]), name) is (wanted is None or wanted)


def test_tools_of_a_server_are_asked_about_unless_told_otherwise() -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "crm", "configs": [{"name": "find", "enabled": False}]}
    (resolved,) = resolve_tools([toolset])
    assert resolved["default_config"] == {"enabled": True, "permission_policy": {"type": "always_ask"}}
    assert resolved["configs"] == [{"name": "find", "enabled": False, "permission_policy": {"type": "always_ask"}}]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "a b"}, "letters"),
        ({"name": "x" * 129}, "128"),
        ({"name": "bash"}, "kept for"),
        ({"name": "mcp__find"}, "kept for"),
        ({"description": " "}, "say what"),
        ({"input_schema": {"type": "object", "anyOf": []}}, "anyOf"),
        ({"input_schema": {"type": "object", "properties": {"a": [{"$ref": "#/x"}]}}}, "ref"),
    ],
)
def test_a_custom_tool_that_breaks_a_rule_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        resolve_tools([ASK | change])


@pytest.mark.parametrize(
    "tools",
    [
        [ASK, ASK],
        [{"type": "agent_toolset_20260401"}] * 2,
        [{"type": "mcp_toolset", "mcp_server_name": "crm"}] * 2,
        [{"type": "mcp_toolset", "mcp_server_name": "crm", "configs": [{"name": "find"}] * 2}],
    ],
)
def test_nothing_may_be_named_twice(tools: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError, match="twice"):
        resolve_tools(tools)


def test_there_may_be_128_entries_and_256_tools() -> None:
    entries = [ASK | {"name": f"ask{number}"} for number in range(127)]
    full = {"type": "mcp_toolset", "mcp_server_name": "s", "configs": [{"name": str(n)} for n in range(129)]}
    assert len(resolve_tools([*entries, full])) == 128
    with pytest.raises(InputError, match="at most 128"):
        resolve_tools([*entries, full, ASK])
    with pytest.raises(InputError, match="at most 256"):
        resolve_tools([*entries, full | {"configs": [*full["configs"], {"name": "one more"}]}])


@pytest.mark.parametrize(
    "tools",
    [
        web("web_fetch", allowed_domains=["a.example"], blocked_domains=["b.example"]),
        web("web_fetch", allowed_domains=[]),
        web("web_fetch", blocked_domains=["https://a.example"]),
        web("web_fetch", blocked_domains=["a.example/path"]),
        web("web_search", allowed_domains=[f"d{number}.example" for number in range(65)]),
        web("web_fetch", max_content_tokens=0),
        web(
            "web_fetch", url_sources=dict.fromkeys(("user_input", "client_tool_results", "server_tool_results"), "none")
        ),
        web("web_fetch", url_sources={"client_tool_results": {"type": "only", "tools": [{"name": "bash"}]}}),
        web("web_fetch", url_sources={"server_tool_results": {"type": "except", "tools": []}}),
    ],
)
def test_a_web_tool_that_breaks_a_rule_is_refused(tools: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError):
        resolve_tools(tools)


def test_a_search_may_be_held_to_part_of_a_site_and_sources_take_their_long_form() -> None:
    (search, _) = resolve_tools(web("web_search", allowed_domains=["a.example/docs"]))
    assert search["configs"][0]["allowed_domains"] == ["a.example/docs"]
    (fetch, _) = resolve_tools(web("web_fetch", url_sources={"user_input": "none"}))
    assert fetch["configs"][0]["url_sources"]["user_input"] == {"type": "none"}


@pytest.mark.parametrize(
    "servers",
    [
        [{"name": "a", "url": "https://a"}, {"name": "a", "url": "https://b"}],
        [{"name": str(number), "url": "https://a"} for number in range(21)],
        [{"name": "", "url": "https://a"}],
        [{"name": "a", "url": "file:///etc"}],
    ],
)
def test_servers_that_break_a_rule_are_refused(servers: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError):
        resolve_servers(servers)
