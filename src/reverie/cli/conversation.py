"""A conversation with an agent: what the person says, and what the agent asks back."""

import asyncio
import signal
from collections.abc import Iterable
from typing import Any, Protocol

import click
from anthropic import AsyncAnthropic

from reverie.cli.chat_screen import CALLS, Screen, describe_call
from reverie.cli.chat_stream import SessionStream

INTERRUPTED = "interrupted"
TERMINATED = "terminated"


class Person(Protocol):
    """Who is asked. Each question raises ``click.Abort`` on Ctrl-C, and when there is nobody."""

    def allows(self, call: str) -> bool:
        """Whether the call may run."""

    def result_of(self, call: str) -> str:
        """What the call of the person's own tool gives."""

    def notice(self, text: str) -> None:
        """Tell something that is no part of the conversation."""


class Conversation:
    """Turns of one session, one after the other."""

    def __init__(self, client: AsyncAnthropic, session_id: str, stream: SessionStream, screen: Screen, person: Person):
        self._client = client
        self._session_id = session_id
        self._following = aiter(stream)
        self._screen = screen
        self._person = person
        self._calls: dict[str, Any] = {}
        """Calls by id, as the agent made them."""
        self._handled: set[str] = set()
        """Calls that the person was asked or told about."""
        self._interrupting: asyncio.Task[None] | None = None

    async def say(self, text: str) -> str:
        """Say something, and show what the agent does until it is done; how it ended.

        That is a stop reason of the API, ``interrupted`` or ``terminated``. Ctrl-C interrupts the agent.

        Raises:
            click.Abort: Ctrl-C was pressed again.
            RemoteError: nothing more comes of the session.
        """
        self._interrupting = None
        turn = asyncio.create_task(self._turn(text))

        def pressed() -> None:
            if self._interrupting is None:
                self._person.notice("Interrupting; Ctrl-C again leaves.")
                self._interrupt()
            else:
                turn.cancel()

        self._pressed = pressed
        self._listen()
        try:
            await asyncio.wait({turn})
        finally:
            self._unlisten()
        if turn.cancelled():
            raise click.Abort
        ended = turn.result()
        if self._interrupting is not None:
            await self._interrupting
            return INTERRUPTED
        return ended

    async def _turn(self, text: str) -> str:
        content = [{"type": "text", "text": text}]
        (message_id,) = await self._send([{"type": "user.message", "content": content}])
        begun = False
        async for event in self._following:
            self._screen.show(event)
            # An idle status from before the message belongs to an interrupt that came too late.
            begun = begun or getattr(event, "id", None) == message_id
            if event.type in CALLS:
                self._calls[event.id] = event
            elif event.type in ("session.status_terminated", "session.deleted"):
                return TERMINATED
            elif event.type == "session.status_idle" and begun:
                if event.stop_reason.type != "requires_action":
                    return str(event.stop_reason.type)
                await self._answer(event.stop_reason.event_ids)
        return TERMINATED

    async def _answer(self, call_ids: Iterable[str]) -> None:
        """Answer what waits for the person; what waits for a worker is left to it."""
        waiting = [self._calls[call_id] for call_id in call_ids if call_id in self._calls.keys() - self._handled]
        self._handled.update(call.id for call in waiting)
        self._unlisten()
        try:
            answers = [answer for call in waiting for answer in self._ask(call)]
        except click.Abort:
            self._person.notice("Not answered; the agent is interrupted.")
            self._interrupt()
            return
        finally:
            self._listen()
        if answers:
            await self._send(answers)

    def _ask(self, call: Any) -> list[dict[str, Any]]:
        if call.type == "agent.custom_tool_use":
            content = [{"type": "text", "text": self._person.result_of(describe_call(call))}]
            return [{"type": "user.custom_tool_result", "custom_tool_use_id": call.id, "content": content}]
        if call.evaluated_permission == "ask":
            result = "allow" if self._person.allows(describe_call(call)) else "deny"
            return [{"type": "user.tool_confirmation", "tool_use_id": call.id, "result": result}]
        self._person.notice(f"{call.name} waits for a worker of the environment (reverie worker --environment …)")
        return []

    async def _send(self, events: list[dict[str, Any]]) -> list[str]:
        sent: Any = await self._client.beta.sessions.events.send(self._session_id, events=events)  # type: ignore[arg-type]
        return [event.id for event in sent.data]

    def _interrupt(self) -> None:
        async def send() -> None:
            await self._send([{"type": "user.interrupt"}])

        self._interrupting = asyncio.create_task(send())

    def _listen(self) -> None:
        """Ctrl-C is for the agent."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._pressed)

    def _unlisten(self) -> None:
        """Ctrl-C ends a question."""
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
