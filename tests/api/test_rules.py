"""Rules over HTTP: what stands, every version, a trial on past sessions, and where rules held."""

from anthropic import AsyncAnthropic
from httpx2 import AsyncClient

from reverie import AsyncClient as Reverie
from tests.api.conftest import Server
from tests.turns.scripted import ScriptedTurnModel, call, say, turns_run
from tests.turns.test_turn import at_rest, send, session_with

DENY = {"name": "closed", "when": {"tool": "bash"}, "then": "deny"}
FLAG = {"name": "marked", "when": {"tool": "*"}, "then": "flag"}


async def test_each_set_is_a_version_and_earlier_ones_stay_readable(http: AsyncClient) -> None:
    empty = (await http.get("/v1/rules")).json()
    assert (empty["version"], empty["rules"], empty["created_at"]) == (0, [], None)
    assert empty["circuit_breaker"] == {"running": 3, "in_all": 20}
    assert (await http.post("/v1/rules", json={"rules": [DENY]})).json()["version"] == 1
    second = (await http.post("/v1/rules", json={"rules": [], "circuit_breaker": {"running": 5}})).json()
    assert (second["version"], second["circuit_breaker"]) == (2, {"running": 5, "in_all": 20})
    assert (await http.get("/v1/rules")).json() == second
    first = (await http.get("/v1/rules", params={"version": 1})).json()
    assert first["rules"][0]["name"] == "closed"
    page = (await http.get("/v1/rules/versions", params={"limit": 1})).json()
    rest = (await http.get("/v1/rules/versions", params={"limit": 1, "page": page["next_page"]})).json()
    assert [page["data"], rest["data"]] == [[second], [first]] and rest["next_page"] is None
    assert (await http.get("/v1/rules", params={"version": 9})).status_code == 404


async def test_rules_of_an_agent_are_versions_of_their_own(client: AsyncAnthropic, http: AsyncClient) -> None:
    agent = await client.beta.agents.create(name="clerk", model="scripted-1")
    stored = (await http.post("/v1/rules", json={"rules": [DENY], "agent_id": agent.id})).json()
    assert (stored["agent_id"], stored["version"]) == (agent.id, 1)
    assert (await http.get("/v1/rules")).json()["version"] == 0
    nobody = await http.post("/v1/rules", json={"rules": [DENY], "agent_id": "agent_nobody"})
    assert nobody.status_code == 404


async def test_a_rule_that_cannot_be_is_refused_by_name_and_field(http: AsyncClient) -> None:
    wrong = {**DENY, "when": {"tool": "bash", "arguments": [{"path": "command", "pattern": "("}]}}
    answer = await http.post("/v1/rules", json={"rules": [FLAG, wrong]})
    assert answer.status_code == 400
    assert "rule closed: when.arguments[0].pattern" in answer.json()["error"]["message"]
    assert (await http.get("/v1/rules")).json()["version"] == 0


async def test_only_an_administrator_sets_rules(server: Server) -> None:
    for role, status in (("read", 403), ("write", 403), ("admin", 200)):
        async with server.http(await server.key(role)) as http:  # type: ignore[arg-type]
            assert (await http.post("/v1/rules", json={"rules": []})).status_code == status
            assert (await http.get("/v1/rules")).status_code == 200


async def test_what_rules_found_is_listed_and_a_trial_of_them_agrees(server: Server, client: AsyncAnthropic) -> None:
    async with Reverie(sdk=client) as reverie:
        await reverie.set_rules([FLAG, DENY])
        session_id = await session_with(client, tools=[{"type": "agent_toolset_20260401"}])
        model = ScriptedTurnModel(call("bash", 1, command="mail ada@example.com"), say("Well then."))
        async with turns_run(server.service, model):
            await send(client, session_id, "Do it")
            events = await at_rest(client, session_id)
        (use,) = [event for event in events if event.type == "agent.tool_use"]
        found = [one async for one in reverie.rule_firings(session_id)]
        assert [(one.event_id, one.rule, one.verdict, one.version) for one in found] == [
            (use.id, "closed", "deny", 1),
            (use.id, "marked", "flag", 1),
        ]
        for tried in (await reverie.test_rules(), await reverie.test_rules([FLAG, DENY], where=f"id = '{session_id}'")):
            assert (tried.sessions, tried.calls, tried.denied, tried.stopped_sessions) == (1, 1, 1, 1)
            assert [(rule.rule, rule.calls, rule.sessions) for rule in tried.rules] == [
                ("marked", 1, 1),
                ("closed", 1, 1),
            ]
            (example,) = tried.rules[1].examples
            assert (example.session_id, example.sequence, example.tool) == (session_id, found[0].sequence, "bash")
            assert "mail" in example.input and "ada@example.com" not in example.input
        assert [one.version async for one in reverie.rule_versions()] == [1]
        assert (await reverie.rules(version=1)).rules[1]["name"] == "closed"
