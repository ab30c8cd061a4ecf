"""Charters over HTTP: versions, a trial on the past, sessions judged while the server runs, an agent that is paused."""

from anthropic import AsyncAnthropic
from httpx2 import AsyncClient

from reverie import AsyncClient as Reverie
from reverie.api import charter_watch
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, ScriptedTurnModel, call, say, turns_run
from tests.turns.test_turn import LOOKUP, at_rest, send

VERIFIES = {"name": "verifies", "shows": {"kind": "calls", "tool": "verify"}, "at_least": 0.99, "alarm": "pause"}
REFUSED = {"name": "refused", "shows": {"kind": "rule", "rule": "closed"}, "at_most": 0.1}


async def test_each_set_is_a_version_and_earlier_ones_stay_readable(http: AsyncClient) -> None:
    empty = (await http.get("/v1/charter")).json()
    assert (empty["version"], empty["behaviours"], empty["run_length"], empty["created_at"]) == (0, [], 10_000, None)
    assert (await http.post("/v1/charter", json={"behaviours": [VERIFIES]})).json()["version"] == 1
    second = (await http.post("/v1/charter", json={"behaviours": [], "run_length": 500})).json()
    assert (second["version"], second["run_length"]) == (2, 500)
    assert (await http.get("/v1/charter")).json() == second
    first = (await http.get("/v1/charter", params={"version": 1})).json()
    assert first["behaviours"][0]["name"] == "verifies"
    page = (await http.get("/v1/charter/versions", params={"limit": 1})).json()
    rest = (await http.get("/v1/charter/versions", params={"limit": 1, "page": page["next_page"]})).json()
    assert [page["data"], rest["data"]] == [[second], [first]] and rest["next_page"] is None
    assert (await http.get("/v1/charter", params={"version": 9})).status_code == 404
    nobody = await http.post("/v1/charter", json={"behaviours": [], "agent_id": "agent_nobody"})
    assert nobody.status_code == 404


async def test_a_behaviour_that_cannot_be_is_refused_by_name_and_field(http: AsyncClient) -> None:
    answer = await http.post("/v1/charter", json={"behaviours": [{**VERIFIES, "at_least": 3}]})
    assert answer.status_code == 400
    assert "behaviour verifies: at_least" in answer.json()["error"]["message"]
    short = await http.post("/v1/charter", json={"behaviours": [VERIFIES], "run_length": 3})
    assert short.status_code == 400 and "run_length" in short.json()["error"]["message"]


async def test_only_an_administrator_sets_charters_and_resumes_agents(server: Server) -> None:
    async with server.http(await server.key("write")) as http:
        assert (await http.post("/v1/charter", json={"behaviours": []})).status_code == 403
        assert (await http.post("/v1/charter/resume", json={"agent_id": "agent_x"})).status_code == 403
        assert (await http.post("/v1/charter/alarms/alm_x/acknowledge", json={})).status_code == 403
        for path in ("", "/versions", "/standing", "/alarms"):
            assert (await http.get(f"/v1/charter{path}")).status_code == 200


async def test_what_is_not_there_is_not_found_and_who_is_not_paused_is_not_resumed(http: AsyncClient) -> None:
    assert (await http.post("/v1/charter/alarms/alm_x/acknowledge", json={})).status_code == 404
    answer = await http.post("/v1/charter/resume", json={"agent_id": "agent_x"})
    assert answer.status_code == 400 and "is not paused" in answer.json()["error"]["message"]


async def _sessions(client: AsyncAnthropic, count: int) -> tuple[str, list[str]]:
    """An agent and sessions of it."""
    place = await client.beta.environments.create(name="place", config={"type": "cloud"})
    agent = await client.beta.agents.create(name="clerk", model=MODEL, tools=[LOOKUP])  # type: ignore[list-item]
    made = [await client.beta.sessions.create(agent=agent.id, environment_id=place.id) for _ in range(count)]
    return agent.id, [one.id for one in made]


async def test_an_agent_that_drifts_is_paused_and_goes_on_when_a_person_resumes_it(
    server: Server, client: AsyncAnthropic
) -> None:
    async with Reverie(sdk=client) as reverie, turns_run(server.service, ScriptedTurnModel(*[say("Done.")] * 4)):
        await reverie.set_charter([VERIFIES], run_length=100, rest_minutes=0)
        agent_id, sessions = await _sessions(client, 4)
        for session_id in sessions[:3]:
            await send(client, session_id, "Do it")
            await at_rest(client, session_id)
        await charter_watch.look(server.service)
        (alarm,) = [one async for one in reverie.charter_alarms(standing=True)]
        assert (alarm.agent, alarm.behaviour, alarm.act, alarm.numbers.rate) == (agent_id, "verifies", "pause", 0.0)
        (stands,) = (await reverie.charter_standing(agent_id=agent_id)).behaviours
        assert (stands.alarm_id, stands.sessions) == (alarm.id, alarm.numbers.sessions)
        await send(client, sessions[3], "Do it")
        events = await at_rest(client, sessions[3])
        (error,) = [event for event in events if event.type == "session.error"]
        assert alarm.id in error.error.message and "paused by its charter" in error.error.message
        assert events[-1].stop_reason.type == "retries_exhausted"
        done = await reverie.resume_agent(agent_id, note="a new prompt")
        assert [(one.id, one.note) for one in done.alarms] == [(alarm.id, "a new prompt")]
        await send(client, sessions[3], "Now then")
        events = await at_rest(client, sessions[3])
        assert events[-1].stop_reason.type == "end_turn"


async def test_firings_of_rules_are_counted_and_a_trial_on_the_past_agrees(
    server: Server, client: AsyncAnthropic
) -> None:
    model = ScriptedTurnModel(call("lookup", 1, key="a"), say("As you wish."), say("Nothing to do."))
    async with Reverie(sdk=client) as reverie, turns_run(server.service, model):
        await reverie.set_rules([{"name": "closed", "when": {"tool": "lookup"}, "then": "deny"}])
        await reverie.set_charter([REFUSED], rest_minutes=0)
        agent_id, sessions = await _sessions(client, 2)
        for session_id in sessions:
            await send(client, session_id, "Do it")
            await at_rest(client, session_id)
        await charter_watch.look(server.service)
        (stands,) = (await reverie.charter_standing()).behaviours
        assert (stands.agent, stands.sessions, stands.rate, stands.alarm_id) == (agent_id, 2, 0.5, None)
        for tried in (await reverie.test_charter(), await reverie.test_charter([REFUSED], agent_id=agent_id)):
            assert (tried.sessions, tried.behaviours[0].rate, tried.behaviours[0].alarms) == (2, 0.5, ())
        assert [one.version async for one in reverie.charter_versions()] == [1]
        assert (await reverie.charter(version=1)).behaviours[0]["name"] == "refused"


async def test_webhooks_are_told_of_alarms(server: Server, client: AsyncAnthropic, http: AsyncClient) -> None:
    hook = {"url": "https://example.com/hook", "enabled_events": ["charter.alarm"]}
    assert (await http.post("/v1/organizations/webhooks", json=hook)).status_code == 200
    async with Reverie(sdk=client) as reverie, turns_run(server.service, ScriptedTurnModel(*[say("Done.")] * 3)):
        await reverie.set_charter([VERIFIES], run_length=100, rest_minutes=0)
        _, sessions = await _sessions(client, 3)
        for session_id in sessions:
            await send(client, session_id, "Do it")
            await at_rest(client, session_id)
        await charter_watch.look(server.service)
        (alarm,) = [one async for one in reverie.charter_alarms()]
        done = await reverie.acknowledge_alarm(alarm.id, note="seen")
        assert done.acknowledged_at is not None
    async with server.service.database.connection() as connection:
        rows = await connection.execute("SELECT event -> 'data' FROM webhook_deliveries")
        ((told,),) = await rows.fetchall()
    assert (told["type"], told["id"], told["behaviour"], told["act"]) == (
        "charter.alarm",
        alarm.id,
        "verifies",
        "pause",
    )
