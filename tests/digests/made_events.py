"""Events and transcripts for the tests of this room."""

from typing import Any

from reverie.digests.digest import Digest
from reverie.digests.transcript import digest_transcript
from reverie.ids import event_id
from reverie.sessions.event import Event, text_content
from reverie.sessions.session import Session, Transcript

SESSION_ID = "sesn_1"


def user(text: str = "Hello") -> Event:
    return Event("user.message", {"content": text_content(text)})


def said(text: str, thread: str | None = None) -> Event:
    return Event("agent.message", {"content": text_content(text)}, thread_id=thread)


def thought(text: str = "Hm.") -> Event:
    return Event("agent.thinking", {"content": text_content(text)})


def call(tool: str, thread: str | None = None, **arguments: Any) -> Event:
    return Event("agent.tool_use", {"name": tool, "input": arguments}, thread_id=thread)


def result(text: str = "ok", *, to: int | None = None, error: bool = False, thread: str | None = None) -> Event:
    """``to``: the sequence of the call answered; the source gave no link where it is None."""
    link = {} if to is None else {"tool_use_id": event_id(SESSION_ID, to)}
    return Event(
        "agent.tool_result", {"content": text_content(text), "is_error": error, "name": "t", **link}, thread_id=thread
    )


def transcript(*events: Event) -> Transcript:
    return Transcript(Session(SESSION_ID, "chat"), events)


def digested(*events: Event) -> Digest:
    return digest_transcript(transcript(*events))


def names(digest: Digest, situation: str = "session") -> set[str]:
    """The names of the behaviours shown in a situation."""
    return {each.name.text for each in digest.behaviours if each.situation.text == situation}


def began(thread: str, agent: str) -> Event:
    return Event("session.thread_created", {"session_thread_id": thread, "agent_name": agent})


def brief(text: str, thread: str = "w", sender: str = "main") -> Event:
    payload = {"content": text_content(text), "from_session_thread_id": sender}
    return Event("agent.thread_message_received", payload, thread_id=thread)


def sent(text: str, thread: str | None = "w", to: str = "main") -> Event:
    payload = {"content": text_content(text), "to_session_thread_id": to}
    return Event("agent.thread_message_sent", payload, thread_id=thread)
