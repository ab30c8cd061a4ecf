from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.agents.definition import (
    changed_definition,
    new_definition,
    resolve_model,
    session_agent,
    with_overrides,
)
from reverie.errors import InputError

TOOLSET = {"type": "agent_toolset_20260401"}
SKILL = {"type": "anthropic", "skill_id": "xlsx"}
EFFORTS = st.sampled_from(["low", "medium", "high", "xhigh", "max"])
TEXTS = st.none() | st.text(max_size=5)

bodies = st.fixed_dictionaries(
    {"name": st.text(min_size=1, max_size=5), "model": st.sampled_from(["m", "n"])},
    optional={"system": TEXTS, "description": TEXTS, "tools": st.sampled_from([None, [], [TOOLSET]])},
)


def definition(**fields: Any) -> dict[str, Any]:
    return new_definition({"name": "desk", "model": "m", **fields}, {})


@given(bodies)
def test_changing_a_definition_to_itself_changes_nothing(body: dict[str, Any]) -> None:
    present = new_definition(body, {})
    assert changed_definition(present, body, {}) == present
    assert changed_definition(present, present, {}) == present


@given(bodies, bodies)
def test_a_change_that_gives_everything_forgets_what_was_there(first: dict[str, Any], second: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"system": None, "description": None, "tools": None, **second}
    assert changed_definition(new_definition(first, {}), whole, {}) == new_definition(second, {})


@given(EFFORTS)
def test_an_effort_left_out_is_kept_while_the_model_is_the_same(effort: str) -> None:
    present = resolve_model({"id": "m", "effort": effort, "speed": "fast", "inference_geo": "eu"})
    kept = resolve_model("m", present)
    assert kept == {"id": "m", "effort": {"type": effort}, "speed": "standard", "inference_geo": None}
    assert resolve_model({"id": "other"}, present)["effort"] == {"type": "high"}
    assert resolve_model({"id": "m", "effort": None}, present)["effort"] == {"type": "high"}


def test_both_forms_of_an_effort_mean_the_same() -> None:
    assert resolve_model({"id": "m", "effort": "low"}) == resolve_model({"id": "m", "effort": {"type": "low"}})


def test_skills_need_the_read_tool() -> None:
    without = TOOLSET | {"configs": [{"name": "read", "enabled": False}]}
    assert definition(tools=[TOOLSET], skills=[SKILL])["skills"] == [SKILL | {"version": "latest"}]
    for tools in ([], [without], [TOOLSET | {"default_config": {"enabled": False}}]):
        with pytest.raises(InputError, match="read tool"):
            definition(tools=tools, skills=[SKILL])


def test_tools_cannot_be_cleared_while_skills_remain() -> None:
    present = definition(tools=[TOOLSET], skills=[SKILL])
    with pytest.raises(InputError, match="read tool"):
        changed_definition(present, {"tools": None}, {})
    assert changed_definition(present, {"tools": None, "skills": None}, {})["tools"] == []


def test_overrides_replace_whole_fields_and_null_clears_them() -> None:
    snapshot = session_agent("agent_1", 3, definition(system="Be kind.", tools=[TOOLSET]), {})
    changed = with_overrides(snapshot, {"system": None, "tools": None, "model": {"id": "n", "effort": "low"}})
    assert (changed["id"], changed["version"], changed["system"], changed["tools"]) == ("agent_1", 3, None, [])
    assert changed["model"] == resolve_model("n")
    assert with_overrides(snapshot, {}) == snapshot


def test_overrides_that_break_a_rule_are_refused() -> None:
    snapshot = session_agent("agent_1", 1, definition(tools=[TOOLSET], skills=[SKILL]), {})
    with pytest.raises(InputError) as refused:
        with_overrides(snapshot, {"model": None})
    assert refused.value.code == "agent_model_required"
    with pytest.raises(InputError, match="read tool"):
        with_overrides(snapshot, {"tools": []})


def test_a_session_has_the_whole_roster_and_copies_of_itself_take_its_overrides() -> None:
    roster = [{"type": "agent", "id": "agent_2", "version": 4}, {"type": "self"}, {"type": "advisor", "model": "m"}]
    lead = definition(multiagent={"type": "coordinator", "agents": roster})
    helper = definition(name="helper")
    snapshot = session_agent("agent_1", 2, lead, {("agent_2", 4): helper})
    agents = with_overrides(snapshot, {"system": "Be brief."})["multiagent"]["agents"]
    assert [agent.get("system") for agent in agents] == [None, "Be brief.", None]
    assert [(agent.get("name"), agent.get("version")) for agent in agents[:2]] == [("helper", 4), ("desk", 2)]
    assert "multiagent" not in agents[1]


@pytest.mark.parametrize("value", ["", "x", "-3", "0", "3.5", "٣", "65"])
def test_a_size_of_briefings_is_a_whole_number_of_its_range(value: str) -> None:
    with pytest.raises(InputError, match=r"metadata\.reverie_briefing_items: .* from 1 to 64"):
        new_definition({"name": "desk", "model": "m"}, {"reverie_briefing_items": value})
