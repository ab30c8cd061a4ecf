"""Reading roles: what is taken, and what is refused by role and field."""

from typing import Any

import pytest

from reverie.errors import InputError
from reverie.runtime.criteria import unmet
from reverie.runtime.json_shape import shape_problem
from reverie.runtime.role import Criterion
from reverie.runtime.role_file import check_roster, load_roles, read_roles_document, roles_document
from reverie.runtime.tool_catalogue import with_tools_alone

FULL = """
roles:
  - name: reader
    description: Finds things in files.
    agents: [ann]
    brief: "Find $question in $source for $$5."
    fields: {question: what is wanted}
    tools: []
    needs: [goal, done]
    done:
      - contains: "Source:"
      - schema: {type: object, required: [year], properties: {year: {type: [integer, "null"]}, kind: {const: null}}}
        says: a year
    reminders: 0
    most_running: 2
most_running: {ann: 3}
"""


def test_roles_read_back_as_they_were_written() -> None:
    roles = load_roles(FULL, "roles.yaml")
    assert read_roles_document(roles_document(roles)) == roles
    assert roles.roles[0].names == ("question", "source") and roles.roles[0].tools == ()


@pytest.mark.parametrize(
    ("role", "problem"),
    [
        ({"name": "a b"}, r"role a b: name: "),
        ({"name": "a", "breif": "x"}, r"role a: breif: no such field; did you mean brief\?"),
        ({"brief": "x"}, r"role number 1: name: is missing"),
        ({"name": "a", "brief": "costs $5"}, r"role a: brief: a \$ begins a field"),
        ({"name": "a", "fields": {"x": "y"}}, r"role a: fields.x: brief has no \$x"),
        ({"name": "a", "needs": ["goals"]}, r"role a: needs\[0\]: .*give one of goal"),
        ({"name": "a", "done": [{}]}, r"role a: done\[0\]: give one of contains, pattern, schema, not 0"),
        ({"name": "a", "done": [{"contains": "x", "pattern": "y"}]}, r"not 2"),
        ({"name": "a", "done": [{"contains": " "}]}, r"done\[0\].contains: looks for nothing"),
        ({"name": "a", "done": [{"pattern": "(?=a)"}]}, r"done\[0\].pattern: .*RE2"),
        ({"name": "a", "done": [{"schema": {"anyOf": []}}]}, r"schema.anyOf: "),
        ({"name": "a", "done": [{"schema": {"items": {"type": "text"}}}]}, r"schema.items.type: 'text' is not valid"),
        ({"name": "a", "done": [{"schema": {"items": {"pattern": "(?=a)"}}}]}, r"schema.items.pattern: .*RE2"),
        ({"name": "a", "done": [{"schema": {"patternProperties": {"a": {}}}}]}, r"schema.patternProperties: is not"),
        ({"name": "a", "done": [{"schema": {"$ref": "https://example.com/s"}}]}, r"schema.\$ref: .*nothing is fetched"),
        ({"name": "a", "done": [{"schema": {"$ref": "#"}}]}, r"schema.\$ref: .* itself without end"),
        ({"name": "a", "done": [{"schema": {"items": {"allOf": [{"$ref": "#/items"}]}}}]}, r"itself without end"),
        ({"name": "a", "agents": []}, r"role a: agents: nobody may fill the role"),
        ({"name": "a", "most_running": 0}, r"role a: most_running: "),
    ],
)
def test_a_role_that_cannot_be_is_refused_by_its_field(role: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_roles_document({"roles": [role]})


def test_roles_name_agents_of_the_roster_alone() -> None:
    roles = load_roles(FULL, "roles.yaml")
    check_roster(roles, {"ann": {}})
    with pytest.raises(InputError, match="role reader: agents: 'ann' is not on the roster; known: bob"):
        check_roster(roles, {"bob": {}})
    with pytest.raises(InputError, match="most_running: 'eve' is not on the roster"):
        check_roster(read_roles_document({"most_running": {"eve": 1}}), {"bob": {}})


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "integer"}, 3.0, None),
        ({"type": "integer"}, True, "the report: True is not of type 'integer'"),
        ({"type": ["string", "null"]}, None, None),
        ({"enum": [1, "a"]}, True, "the report: True is not one of [1, 'a']"),
        ({"required": ["a"]}, {}, "the report: 'a' is a required property"),
        ({"properties": {"a": {"items": {"minimum": 2}}}}, {"a": [2, 1]}, "a[1]: 1 is less than the minimum of 2"),
        ({"$defs": {"n": {"type": "null"}}, "items": {"$ref": "#/$defs/n"}}, [1], "[0]: 1 is not of type 'null'"),
        ({"pattern": "^[A-Z]+$"}, "AB", None),
        ({"pattern": "^[A-Z]+$"}, "ab", "the report: 'ab' does not match '^[A-Z]+$'"),
        ({"minItems": 2}, "x", None),
        ({"$ref": "#"}, 1, "the schema refers to itself without end"),
    ],
)
def test_a_value_has_a_shape_or_its_first_problem_is_named(
    schema: dict[str, Any], value: Any, problem: str | None
) -> None:
    assert shape_problem(value, schema) == problem


def test_json_may_stand_alone_or_in_the_only_fence() -> None:
    wanted = [Criterion(schema={"type": "object"})]
    assert unmet(wanted, '{"a": 1}') == unmet(wanted, 'Here:\n```json\n{"a": 1}\n```') == ()
    assert unmet(wanted, "no") == ("JSON alone, with nothing around it",)
    assert unmet(wanted, "```\n{}\n```\n```\n{}\n```") == ("JSON alone, with nothing around it",)
    assert unmet(wanted, "[" * 100_000) == ("JSON alone, with nothing around it",)


def test_an_agent_keeps_of_its_tools_those_that_are_named() -> None:
    default = {"enabled": True, "permission_policy": {"type": "always_ask"}}
    off = {"name": "write", "type": "write", **default, "enabled": False}
    agent = {
        "mcp_servers": [{"name": "web"}, {"name": "desk"}, {"name": "post"}],
        "tools": [
            {"type": "agent_toolset_20260401", "default_config": default, "configs": [off]},
            {"type": "custom", "name": "lookup"},
            *(
                {"type": "mcp_toolset", "mcp_server_name": name, "default_config": default, "configs": []}
                for name in ("web", "desk", "post")
            ),
        ],
    }
    left = with_tools_alone(agent, ["read", "write", "mcp__web__find", "mcp__desk__*", "absent"])
    toolset, web, desk = left["tools"]
    assert {one["name"]: one["enabled"] for one in toolset["configs"]} == {"read": True, "write": False}
    assert not toolset["default_config"]["enabled"] and not web["default_config"]["enabled"]
    assert [one["name"] for one in web["configs"]] == ["find"] and desk["default_config"] == default
    assert [server["name"] for server in left["mcp_servers"]] == ["web", "desk"]
    assert with_tools_alone(agent, [])["tools"] == []


def test_a_schema_may_refer_to_itself_from_within_a_part() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
    roles = read_roles_document({"roles": [{"name": "a", "done": [{"schema": tree}]}]})
    assert roles.roles[0].done[0].schema == tree


@pytest.mark.parametrize("text", ["- reader", "roles: [reader]", "roles: [[]]"])
def test_a_role_that_is_no_mapping_is_told_how_one_begins(text: str) -> None:
    with pytest.raises(InputError, match=r"role number 1: must be a mapping of fields, such as `- name: reader`"):
        load_roles(text, "roles.yaml")


@pytest.mark.parametrize("tool", ["nonsense", "mcp__*", "mcp__wiki__", "mcp__other__find", "Read"])
def test_a_tool_that_nobody_who_may_fill_the_role_has_is_refused(tool: str) -> None:
    wiki = {"mcp_servers": [{"name": "wiki"}], "tools": [{"type": "custom", "name": "lookup"}]}
    known = ["read", "lookup", "mcp__wiki__find", "mcp__wiki__*"]
    check_roster(read_roles_document({"roles": [{"name": "a", "tools": known}]}), {"ann": {}, "bob": wiki})
    roles = read_roles_document({"roles": [{"name": "a", "tools": ["read", tool]}]})
    with pytest.raises(InputError, match=r"role a: tools: '.*' is no tool of ann, bob; give "):
        check_roster(roles, {"ann": {}, "bob": wiki})
