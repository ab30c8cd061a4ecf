"""Sessions that ran here go out and come in again, with all that their logs hold."""

from anthropic import AsyncAnthropic

from reverie.sessions.importers import RawRecord, encode_line, parse_record
from reverie.storage.sessions.transcripts import read_transcript
from tests.api.conftest import Server
from tests.turns.scripted import ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_multiagent import Cast, coordinated, create, script
from tests.turns.test_turn import LOOKUP, at_rest, send, session_with


async def _comes_back(server: Server, session_id: str) -> bool:
    async with server.service.database.connection() as connection:
        transcript = await read_transcript(connection, session_id)
    read = parse_record(RawRecord("sessions.jsonl", 1, "reverie", encode_line(transcript)), {})
    return read == transcript and len(transcript.events) > 10


async def test_a_team_that_is_exported_reads_back_as_it_was(server: Server, client: AsyncAnthropic) -> None:
    lead = script(calls(create("ann", "Sum up A"), ("wait_for_agents", 2, {})), say("Done."))
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, Cast(lead=lead, ann=script(call("submit_result", result="A is small")))):
        await send(client, session_id, "Look at A")
        await at_rest(client, session_id)
    assert await _comes_back(server, session_id)


async def test_a_custom_tool_that_is_exported_reads_back_as_it_was(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, ScriptedTurnModel(call("lookup"), say("It is red."))):
        await send(client, session_id, "Which colour?")
        events = await at_rest(client, session_id)
        asked = next(event for event in events if event.type == "agent.custom_tool_use")
        answer = {"type": "user.custom_tool_result", "custom_tool_use_id": asked.id}
        content = [{"type": "text", "text": "red"}]
        await client.beta.sessions.events.send(session_id, events=[{**answer, "content": content}])  # type: ignore[list-item]
        while not any(event.type == "agent.message" for event in events):
            events = await at_rest(client, session_id)
    assert await _comes_back(server, session_id)
