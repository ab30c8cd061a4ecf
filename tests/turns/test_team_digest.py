"""What a digest says of a coordinator's session that ran here."""

from anthropic import AsyncAnthropic

from reverie.jobs.digestion import digest_sessions
from tests.api.conftest import Server
from tests.turns.scripted import call, calls, say, turns_run
from tests.turns.test_multiagent import Cast, Part, coordinated, create, script
from tests.turns.test_turn import at_rest, send


def asking_back() -> Part:
    return script(call("submit_result", result="Which of the two do you mean?"))


async def test_briefs_and_reports_of_a_session_that_ran_here_are_digested(
    server: Server, client: AsyncAnthropic
) -> None:
    asked = create("ann", "Sum up `a.md`. It is done when every heading is named.")
    lead = script(calls(asked, ("wait_for_agents", 2, {})), say("I will ask the user."))
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, Cast(lead=lead, ann=asking_back())):
        await send(client, session_id, "Look at A")
        await at_rest(client, session_id)
    database = server.service.database
    async with database.connection() as connection:
        rows = await (await connection.execute("SELECT key FROM sessions WHERE id = %s", [session_id])).fetchall()
    shown = {(name.situation.text, name.name.text) for name in digest_sessions(database.url, [rows[0][0]]).names}
    assert {("delegating ann", "brief:ann inputs"), ("delegating ann", "brief:ann done")} <= shown
    assert {("reporting ann", "asked back:ann"), ("session", "hand-off:ann")} <= shown
