"""What a thread's requests begin with, from the session and what is attached to it."""

from reverie.models.router import RoutedModel
from reverie.runtime.conversation import Prompt
from reverie.runtime.delegation import colleagues, delegation_tools
from reverie.runtime.prompt import system_parts
from reverie.runtime.tool_catalogue import list_tools
from reverie.storage.live.sessions import LiveSession
from reverie.storage.live.threads import read_thread
from reverie.storage.postgres.database import Connection
from reverie.turns.briefing import briefing_of
from reverie.turns.desk import Desk


async def make_prompt(
    desk: Desk,
    connection: Connection,
    session: LiveSession,
    thread_id: str | None,
    routed: RoutedModel,
) -> Prompt:
    """The prompt of a session's own thread, or of the agent that was called in; both are shown the briefing."""
    agent = (session.agent or {}) if thread_id is None else (await read_thread(connection, session, thread_id)).agent
    briefing = await briefing_of(desk, connection, session)
    effort = ((agent.get("model") or {}).get("effort") or {}).get("type")
    remote = desk.servers.listed(session, thread_id, agent) if desk.servers is not None else None
    return Prompt(
        system=system_parts(
            agent,
            session.resources,
            briefing=briefing,
            colleagues=colleagues(agent) if thread_id is None else "",
        ),
        tools=list_tools(
            agent.get("tools") or (),
            remote,
            delegation=delegation_tools(agent, thread_id),
            unavailable=desk.unavailable,
        ),
        max_output_tokens=routed.max_output_tokens,
        effort=effort,
    )
