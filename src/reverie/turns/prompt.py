"""What a thread's requests begin with, from the session and what is attached to it."""

from collections.abc import Mapping
from typing import Any

from reverie.models.router import RoutedModel
from reverie.runtime.conversation import Prompt
from reverie.runtime.delegation import colleagues, delegation_tools
from reverie.runtime.prompt import system_parts
from reverie.runtime.tool_catalogue import AgentTool, list_tools
from reverie.storage.live.sessions import LiveSession
from reverie.turns.desk import Desk


def make_prompt(
    desk: Desk,
    session: LiveSession,
    thread_id: str | None,
    agent: Mapping[str, Any],
    briefing: str,
    routed: RoutedModel,
) -> Prompt:
    """The prompt of a session's own thread, or of the agent that was called in; both are shown the briefing."""
    effort = ((agent.get("model") or {}).get("effort") or {}).get("type")
    return Prompt(
        system=system_parts(
            agent,
            session.resources,
            briefing=briefing,
            colleagues=colleagues(agent) if thread_id is None else "",
        ),
        tools=tools_of(desk, session, thread_id, agent),
        max_output_tokens=routed.max_output_tokens,
        effort=effort,
    )


def tools_of(
    desk: Desk, session: LiveSession, thread_id: str | None, agent: Mapping[str, Any]
) -> tuple[AgentTool, ...]:
    """The tools that a thread's agent has now."""
    return list_tools(
        agent.get("tools") or (),
        desk.servers.listed(session, thread_id, agent) if desk.servers is not None else None,
        delegation=delegation_tools(agent, thread_id),
        unavailable=desk.unavailable,
    )
