"""A client of the chaos: makes a session, sends, interrupts, steers, answers what waits for it, until all rests."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import httpx2
import psycopg

from evaluation.chaos_check import Rested
from evaluation.chaos_machines import Machines
from evaluation.chaos_model import AIDE, HELPER, MOST_RUNNING, ROLE
from reverie.runtime.live_state import LiveState, PendingCall
from reverie.storage.live.log import LogFilter, read_log, state_of
from reverie.storage.live.sessions import read_whole_session
from reverie.storage.postgres.database import Database

Kind = Literal["plain", "asking", "leading", "outside", "team"]
KINDS: tuple[Kind, ...] = ("plain", "plain", "asking", "leading", "outside", "team")
_LOOK_SECONDS = 0.3
_TOOLSET = {"type": "agent_toolset_20260401"}
_LOOKUP = {
    "type": "custom",
    "name": "lookup",
    "description": "Looks something up.",
    "input_schema": {"type": "object", "properties": {}},
}
_ASKS = {**_TOOLSET, "default_config": {"permission_policy": {"type": "always_ask"}}}


@dataclass(frozen=True, slots=True)
class Desk:
    """What clients work with."""

    database: Database
    machines: Machines
    http: httpx2.AsyncClient
    stuck_seconds: float
    """A session that does not rest, and in which nothing happens for so long, is stuck."""
    agents: dict[str, str] = field(default_factory=dict)
    """Ids of agents by kind."""
    environments: dict[str, str] = field(default_factory=dict)


async def prepare(desk: Desk, random: Random) -> None:
    """Make the agents and environments that sessions are made of."""
    for name in ("cloud", "self_hosted"):
        made = await insist(desk, random, "/v1/environments", {"name": name, "config": {"type": name}})
        desk.environments[name] = made["id"]
    tools = [_TOOLSET, _LOOKUP]
    helper, aide = [
        await insist(desk, random, "/v1/agents", {"name": name, "model": "chaos", "tools": tools})
        for name in (HELPER, AIDE)
    ]
    both = {"type": "coordinator", "agents": [helper["id"], aide["id"]]}
    agents: dict[str, dict[str, Any]] = {
        "plain": {"tools": tools},
        "outside": {"tools": tools},
        "asking": {"tools": [_ASKS, _LOOKUP]},
        "leading": {"tools": tools, "multiagent": {"type": "coordinator", "agents": [helper["id"]]}},
        "team": {"tools": tools, "multiagent": both, "metadata": {"reverie_cross_check": "on"}},
    }
    for kind, definition in agents.items():
        made = await insist(desk, random, "/v1/agents", {"name": kind, "model": "chaos", **definition})
        desk.agents[kind] = made["id"]
    roles = {"roles": [ROLE], "most_running": MOST_RUNNING}
    await insist(desk, random, f"/v1/agents/{desk.agents['team']}/roles", roles)


async def post(desk: Desk, random: Random, path: str, body: Any) -> httpx2.Response | None:
    """What some server answers; None where nobody does, so that it is not known whether it was done."""
    try:
        answer = await desk.http.post(desk.machines.url(random) + path, json=body)
    except httpx2.HTTPError:
        return None
    return None if answer.status_code >= 500 else answer


async def insist(desk: Desk, random: Random, path: str, body: Any) -> dict[str, Any]:
    """What the answer holds, asked for until there is one."""
    while (answer := await post(desk, random, path, body)) is None:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_SECONDS)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


class Client:
    """Drives one session."""

    def __init__(self, desk: Desk, kind: Kind, seed: int) -> None:
        self._desk = desk
        self._kind = kind
        self._seed = seed
        self._random = Random(seed)
        self._path = self._id = ""
        self._sent = 0
        self._acknowledged: list[str] = []
        self.problems: list[str] = []
        """What a server answered that it must not have."""

    async def drive(self) -> Rested:
        """Make a session, trouble it, and let it rest; one more message then shows what all before came to."""
        where = "self_hosted" if self._kind == "outside" else "cloud"
        body = {"agent": self._desk.agents[self._kind], "environment_id": self._desk.environments[where]}
        self._id = (await insist(self._desk, self._random, "/v1/sessions", body))["id"]
        self._path = f"/v1/sessions/{self._id}/events"
        await self._say()
        for _ in range(self._random.randrange(4)):
            await self._answer_for(self._random.choice((0.0, 0.3, 1.5)))
            await self._trouble()
        if await self._rests():
            while not await self._say():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
            await self._rests()
        return await self._read()

    async def _trouble(self) -> None:
        match self._random.randrange(4):
            case 0:
                await self._send({"type": "user.interrupt"})
            case 1:
                await self._say({"type": "user.interrupt"})
            case _:
                await self._say()

    async def _say(self, *before: dict[str, Any]) -> bool:
        """Send a message with a mark, after other events in the same request; whether it was acknowledged."""
        self._sent += 1
        mark = f"mark-{self._seed}-{self._sent}-"
        content = [{"type": "text", "text": f"Do it; seed {self._seed} {mark}."}]
        accepted = await self._send(*before, {"type": "user.message", "content": content})
        if accepted:
            self._acknowledged.append(mark)
        return accepted

    async def _send(self, *events: dict[str, Any]) -> bool:
        answer = await post(self._desk, self._random, self._path, {"events": list(events)})
        return answer is not None and answer.status_code == 200

    async def _answer_for(self, seconds: float) -> None:
        """Answer what waits for the client for a while."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            await self._answer(await self._state())
            await asyncio.sleep(_LOOK_SECONDS)

    async def _rests(self) -> bool:
        """Answer until nothing is left to be done; False when nothing happens for too long."""
        loop, events = asyncio.get_running_loop(), 0
        until = loop.time() + self._desk.stuck_seconds
        while loop.time() < until:
            state = await self._state()
            if state is not None and state.event_count > events:
                events, until = state.event_count, loop.time() + self._desk.stuck_seconds
            if state is not None and state.status == "idle" and not state.pending and not state.waiting:
                return True
            await self._answer(state)
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def _state(self) -> LiveState | None:
        try:
            async with self._desk.database.connection() as connection:
                return state_of(await read_whole_session(connection, self._id))
        except psycopg.OperationalError:
            return None

    async def _answer(self, state: LiveState | None) -> None:
        """Answer calls that wait for a client, some of them, and some twice."""
        for call in state.pending if state is not None else ():
            if not call.blocks or self._random.random() < 0.2:
                continue
            if (event := self._event(call)) is None or not await self._send(event):
                continue
            if self._random.random() < 0.1 and await self._send(event):
                self.problems.append(f"{self._id}: a second answer to {call.event_id} was taken")

    def _event(self, call: PendingCall) -> dict[str, Any] | None:
        """The answer to a call; None where a worker gives it."""
        if call.type == "agent.custom_tool_use":
            content = [{"type": "text", "text": "42"}]
            return {"type": "user.custom_tool_result", "custom_tool_use_id": call.event_id, "content": content}
        if call.confirmed:
            return None
        result = self._random.choice(("allow", "allow", "deny"))
        return {"type": "user.tool_confirmation", "tool_use_id": call.event_id, "result": result}

    async def _read(self) -> Rested:
        while True:
            try:
                async with self._desk.database.connection() as connection:
                    session = await read_whole_session(connection, self._id)
                    rows = await read_log(connection, session.key, LogFilter(everything=True), limit=1_000_000)
                    query = "SELECT count(*) FROM turn_leases WHERE session_key = %s"
                    counted = await (await connection.execute(query, [session.key])).fetchone()
                    leases = counted[0] if counted else 0
                    return Rested(state_of(session), rows, leases, self._acknowledged)
            except psycopg.OperationalError:
                await asyncio.sleep(_LOOK_SECONDS)
