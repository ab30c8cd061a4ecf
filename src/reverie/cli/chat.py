"""``reverie chat``: talk to an agent of a server in a terminal."""

import asyncio
import signal
from dataclasses import dataclass
from typing import Any

import click
from anthropic import AsyncAnthropic

from reverie.cli.chat_screen import JsonScreen, TextScreen
from reverie.cli.chat_stream import SessionStream
from reverie.cli.conversation import TERMINATED, Conversation
from reverie.cli.lookup import ENVIRONMENT_KEY, MEMORY_STORE_KEY, find, find_by_name
from reverie.cli.remote import Remote, RemoteError, remote_options, speaking
from reverie.display_name import printable

_OWN_ENVIRONMENT = "default"
"""Where agents without an environment of their own run; made when it is absent."""


@dataclass(frozen=True)
class _Wish:
    """Whom to talk to, and where."""

    agent: str
    environment: str | None
    memory: str | None


class _Terminal:
    """The person at this terminal; questions go to standard error when events go to standard output."""

    def __init__(self, as_json: bool) -> None:
        self._err = as_json

    def says(self) -> str:
        """What the person says next; blank when it is nothing."""
        return str(click.prompt("you", prompt_suffix="> ", default="", show_default=False, err=self._err))

    def allows(self, call: str) -> bool:
        return click.confirm(f"Allow {call}", err=self._err)

    def result_of(self, call: str) -> str:
        return str(click.prompt(f"Result of {call}", err=self._err))

    def notice(self, text: str) -> None:
        click.echo(printable(text), err=True)


@click.command()
@click.argument("agent")
@click.option("--environment", help="Where it runs, by name or id; the agent's own, else the one named default.")
@click.option("--memory", metavar="STORE", help="Its memory store, by name or id; the agent's own, else none.")
@remote_options
@click.option("--message", "messages", multiple=True, metavar="TEXT", help="Say this and leave; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
def chat(
    agent: str,
    environment: str | None,
    memory: str | None,
    url: str,
    key: str | None,
    messages: tuple[str, ...],
    as_json: bool,
) -> None:
    """Talk to AGENT (its name or id) in a new session.

    Ctrl-C interrupts the agent, a second one leaves; at the prompt, Ctrl-C and Ctrl-D leave.
    """
    if any(not text.strip() for text in messages):
        raise click.BadParameter("a message needs words", param_hint="--message")
    asyncio.run(_chat(Remote(url, key), _Wish(agent, environment, memory), messages, as_json))


async def _chat(remote: Remote, wish: _Wish, messages: tuple[str, ...], as_json: bool) -> None:
    # Until a turn listens for it, Ctrl-C ends what waits at the terminal too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminal = _Terminal(as_json)
    async with speaking(remote) as client:
        session = await _session(client, wish, terminal)
        stream = SessionStream(client, session.id, previews=not as_json)
        await stream.open()
        try:
            screen = JsonScreen() if as_json else TextScreen()
            conversation = Conversation(client, session.id, stream, screen, terminal)
            if messages:
                await _deliver(conversation, messages)
            else:
                await _talk(conversation, terminal)
        finally:
            await stream.close()


async def _deliver(conversation: Conversation, messages: tuple[str, ...]) -> None:
    for text in messages:
        ended = await conversation.say(text)
        if ended != "end_turn":
            raise RemoteError(f"the agent did not finish: {ended}")


async def _talk(conversation: Conversation, terminal: _Terminal) -> None:
    ended = ""
    while ended != TERMINATED:
        try:
            text = terminal.says()
        except click.Abort:
            click.echo(err=True)
            return
        if text.strip():
            ended = await conversation.say(text)
            if ended != "end_turn":
                terminal.notice(f"The turn ended: {ended}")


async def _session(client: AsyncAnthropic, wish: _Wish, terminal: _Terminal) -> Any:
    """A new session; what the wish leaves open is what the agent's metadata says."""
    beta = client.beta
    remedy = "see `reverie agents list`, or make it: reverie agents create --from FILE.yaml"
    agent = await find(beta.agents, "agent", "agent_", wish.agent, remedy)
    place = wish.environment or agent.metadata.get(ENVIRONMENT_KEY)
    store = wish.memory or agent.metadata.get(MEMORY_STORE_KEY)
    environment_id = await _environment(client, place)
    resources: Any = []
    if store is not None:
        remedy = "make it with `memory_store` in the agent's file"
        found = await find(beta.memory_stores, "memory store", "memstore_", store, remedy)
        resources = [{"type": "memory_store", "memory_store_id": found.id}]
    session = await beta.sessions.create(agent=agent.id, environment_id=environment_id, resources=resources)
    terminal.notice(f"{agent.name} ({agent.id}), session {session.id}")
    return session


async def _environment(client: AsyncAnthropic, place: str | None) -> str:
    environments = client.beta.environments
    if place is not None:
        remedy = "make it with `environment` in the agent's file"
        return str((await find(environments, "environment", "env_", place, remedy)).id)
    found = await find_by_name(environments, _OWN_ENVIRONMENT)
    return str((found or await environments.create(name=_OWN_ENVIRONMENT, config={"type": "cloud"})).id)
