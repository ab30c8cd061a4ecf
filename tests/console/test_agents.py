"""Agents in the console: versions, bounds, changes of their own, rules that held, charters, whom they call in."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from reverie import AsyncClient as Reverie
from reverie.runtime.charter_report import AlarmNumbers
from reverie.storage.live.charter_alarms import raise_alarm
from tests.api.conftest import Server
from tests.api.running_team import Team, draw_tasks, fire, make_team
from tests.console.conftest import DESKTOP, PHONE, Screen, Visitor, browsing, visiting

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)> Prüfstand 先检查'
NUMBERS = AlarmNumbers(40, 0.5, 0.4, 0.6, 0.3, 12_000.0, 10_000, (0.9, 1.0))
BOUNDS = {"effort": {"values": ["low", "medium", "high"]}}
MEDIUM = '{"model": {"effort": {"type": "medium"}}}'


@pytest_asyncio.fixture
async def client(console: Server) -> AsyncIterator[AsyncAnthropic]:
    async with console.client(await console.key()) as client:
        yield client


@pytest_asyncio.fixture
async def reverie(client: AsyncAnthropic) -> Reverie:
    return Reverie(sdk=client)


@pytest_asyncio.fixture
async def team(console: Server, client: AsyncAnthropic) -> Team:
    """A coordinator with a hostile name, whose rules held."""
    team = await make_team(client, console.service.database, HOSTILE)
    await fire(console.service.database, team.sessions[0], 3, HOSTILE)
    return team


async def alarm_on(console: Server, team: Team) -> str:
    """An alarm that pauses the coordinator."""
    async with console.service.database.connection() as connection:
        now = console.service.clock.now()
        return await raise_alarm(connection, ("", 1), team.lead, HOSTILE, "pause", NUMBERS, team.sessions[0], now)


async def test_without_agents_the_page_says_how_to_make_one(visitor: Visitor) -> None:
    text = (await visitor.get("/console/agents")).text
    assert "reverie agents create --from FILE" in text and "reverie rules set rules.yaml" in text


async def test_agents_are_listed_with_what_stands_for_all_of_them(
    team: Team, reverie: Reverie, visitor: Visitor
) -> None:
    await reverie.set_rules([{"name": "closed", "when": {"tool": "bash"}, "then": "deny"}])
    shows = {"kind": "calls", "tool": "verify"}
    await reverie.set_charter([{"name": "verifies", "shows": shows, "at_least": 0.9}])
    text = (await visitor.get("/console/agents")).text
    assert team.lead in text and team.helper in text
    assert "Rules, version 1" in text and "<code>closed</code> deny" in text and "<code>verifies</code>" in text
    assert "90% to 100%" in (await visitor.get(f"/console/agents/{team.lead}")).text


async def test_a_team_is_drawn_and_told_by_a_table_and_rules_lead_to_their_event(team: Team, visitor: Visitor) -> None:
    text = (await visitor.get(f"/console/agents/{team.lead}")).text
    assert text.count("<svg") == 2 and "3 threads" in text and "2 sessions · reward 50 of 100" in text
    assert f'href="/console/agents/{team.helper}"' in text
    assert f'href="/console/sessions/{team.sessions[0]}?event=3#event-3"' in text


async def test_who_gets_a_task_is_told_by_draws_and_nothing_is_called_better_that_is_not_shown(
    console: Server, team: Team, visitor: Visitor
) -> None:
    page = f"/console/agents/{team.lead}"
    assert "Routing is off: the agent chooses itself." in (await visitor.get(page)).text
    await draw_tasks(console.service.database, team, HOSTILE)
    text = (await visitor.get(page)).text
    assert "2 draws with an outcome; they earned 50 of 100 a task; what even draws would have" in text
    assert ">50 of 100 (6 of 100 to 94 of 100)<" in text and ">100%<" in text
    assert "badge good" not in text.partition("Who gets a task")[2].partition("</section>")[0]
    assert "2 of 3</th><td>vote</td><td>large, small</td><td>not calibrated yet<" in text
    assert "<script>alert" not in text and "<b>helper" not in text


async def test_an_agent_without_others_has_no_table_of_who_gets_a_task(team: Team, visitor: Visitor) -> None:
    assert "Who gets a task" not in (await visitor.get(f"/console/agents/{team.helper}")).text


async def test_no_name_of_an_agent_a_rule_or_a_behaviour_is_markup(
    console: Server, team: Team, visitor: Visitor
) -> None:
    await alarm_on(console, team)
    for path in ("", f"/{team.lead}", f"/{team.lead}/rules"):
        text = (await visitor.get(f"/console/agents{path}")).text
        assert "<script>alert" not in text and "<img" not in text and "<b>helper" not in text
        assert "&lt;script&gt;" in text


async def test_versions_are_told_by_what_they_changed(client: AsyncAnthropic, visitor: Visitor) -> None:
    agent = await client.beta.agents.create(name="clerk", model="large", system="Be kind.")
    await client.beta.agents.update(agent.id, version=1, system="Be brief <b>.")
    page = f"/console/agents/{agent.id}"
    text = (await visitor.get(page)).text
    assert "What version 2 changed" in text
    assert '<span class="removed">- &#34;system&#34;: &#34;Be kind.&#34;' in text
    assert '<span class="added">+ &#34;system&#34;: &#34;Be brief &lt;b&gt;.&#34;' in text
    first = (await visitor.get(f"{page}?version=1")).text
    assert "All of version 1" in first and "What version 1 changed" not in first
    assert (await visitor.get(f"{page}?version=9")).status_code == 404


async def test_a_change_is_asked_for_within_bounds_and_taken_back(client: AsyncAnthropic, visitor: Visitor) -> None:
    agent = await client.beta.agents.create(name="clerk", model="large")
    page = f"/console/agents/{agent.id}"
    assert "no bounds are set" in (await visitor.get(page)).text
    broken = await visitor.send(page, f"{page}/bounds", bounds="{")
    assert "bounds: this is no JSON" in broken.text
    listed = await visitor.send(page, f"{page}/bounds", bounds="[1]")
    assert "bounds: give a JSON object" in listed.text
    bound = await visitor.send(page, f"{page}/bounds", bounds='{"effort": {"values": ["low", "medium", "high"]}}')
    assert "Version 1 of the bounds stands." in bound.text
    asked = await visitor.send(page, f"{page}/changes", patch=MEDIUM, reason="answers come late")
    assert "effort: high → medium" in asked.text and "answers come late" in asked.text
    refused = await visitor.send(page, f"{page}/changes", patch='{"name": "boss"}', reason="room")
    assert "name: it is none of the parameters" in refused.text
    revert = asked.text.partition('/revert"')[0].rpartition('action="')[2] + "/revert"
    assert "Taken back: effort" in (await visitor.send(page, revert)).text


async def test_an_alarm_is_acknowledged_and_a_paused_agent_goes_on(
    console: Server, team: Team, visitor: Visitor
) -> None:
    page = f"/console/agents/{team.lead}"
    first = await alarm_on(console, team)
    assert "paused by its charter" in (await visitor.get(page)).text
    done = await visitor.send(page, f"/console/alarms/{first}/acknowledge", back="agent", note="a new prompt")
    assert done.url.path == page and "is acknowledged" in done.text and "paused by" not in done.text
    await alarm_on(console, team)
    assert "The agent goes on." in (await visitor.send(page, f"{page}/resume", note="once more")).text


async def test_a_key_that_reads_sees_agents_and_changes_nothing(console: Server, team: Team) -> None:
    alarm = await alarm_on(console, team)
    page = f"/console/agents/{team.lead}"
    async with visiting(console, "read") as reader:
        text = (await reader.get(page)).text
        assert "Set bounds" not in text and "Acknowledge" not in text and "Ask for a change" not in text
        for path, fields in (
            (f"{page}/bounds", {"bounds": "{}"}),
            (f"{page}/resume", {}),
            (f"/console/alarms/{alarm}/acknowledge", {}),
        ):
            assert "needs a key of role admin" in (await reader.send(page, path, **fields)).text
        refused = await reader.send(page, f"{page}/changes", patch=MEDIUM, reason="late")
        assert "needs a key of role write" in refused.text


async def test_rules_that_held_are_paged(console: Server, team: Team, visitor: Visitor) -> None:
    for sequence in range(10, 70):
        await fire(console.service.database, team.sessions[1], sequence, "closed")
    page = (await visitor.get(f"/console/agents/{team.lead}")).text
    assert "event 69" in page and "event 59" not in page and f"/console/agents/{team.lead}/rules" in page
    listed = (await visitor.get(f"/console/agents/{team.lead}/rules")).text
    assert "event 20<" in listed and "event 19<" not in listed
    following = listed.partition('class="pager"><a href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "event 10<" in (await visitor.get(following)).text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_pages_are_without_fault_at_every_size(
    console: Server, client: AsyncAnthropic, reverie: Reverie, team: Team, dark: bool
) -> None:
    await alarm_on(console, team)
    await draw_tasks(console.service.database, team, HOSTILE)
    await reverie.set_agent_bounds(team.lead, BOUNDS)
    await client.beta.agents.update(team.lead, version=1, name="x" * 250)
    await reverie.propose_self_change(team.lead, {"model": {"effort": {"type": "medium"}}}, HOSTILE)
    async with browsing(console, dark=dark) as screen:
        for size in (DESKTOP, PHONE):
            await screen.page.set_viewport_size(size)  # type: ignore[arg-type]
            for path in ("", f"/{team.lead}", f"/{team.lead}/rules"):
                await screen.open(f"/console/agents{path}")
                await screen.check()


async def test_an_alarm_is_acknowledged_by_keyboard(console: Server, team: Team, screen: Screen) -> None:
    await alarm_on(console, team)
    screen.page.on("dialog", lambda dialog: dialog.accept())
    await screen.open(f"/console/agents/{team.lead}")
    await screen.page.locator("article input[name=note]").fill("seen")
    await screen.page.keyboard.press("Enter")
    await screen.page.get_by_text("is acknowledged").wait_for()
    assert screen.said == []
