"""Sandboxes of cloud sessions: where their built-in tools run, a folder and a process for each."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from reverie.clock import Clock
from reverie.errors import NotFoundError
from reverie.runtime.grading import Delivery
from reverie.runtime.tool_catalogue import WEB_TOOLS, AgentTool
from reverie.storage.live.briefings import note_read
from reverie.storage.live.leases import Lease
from reverie.storage.live.sessions import LiveSession, live_among
from reverie.storage.postgres.database import Database
from reverie.storage.service.environments import read_environment
from reverie.storage.service.files import read_chunks, read_file
from reverie.storage.service.skills import read_archive, read_version
from reverie.turns.desk import ToolCall, ToolOutcome, text_outcome
from reverie.turns.isolation import Isolation, Wish, choose_isolation, describe, hide_memory
from reverie.turns.sandbox_folder import WORKSPACE, SandboxFolder, SandboxState
from reverie.turns.sandbox_memory import bring, collect, mounted_stores
from reverie.turns.sandbox_outputs import publish
from reverie.turns.tool_channel import ToolChannel, ToolProcessLost
from reverie.turns.tool_protocol import ToolRequest

IDLE_SECONDS = 600.0
"""How long a sandbox's process is kept without calls."""
LONGEST_CALL_SECONDS = 660.0
"""How long a call may take: a little more than the longest command."""
_MOST_COMMAND_MS = 600_000
_TEND_SECONDS = 30.0
KEPT_FOR = timedelta(days=30)
"""How long a sandbox's files are kept after it was made, as the hosted service does."""
_CHANGING = frozenset({"bash", "write", "edit"})

log = structlog.get_logger("reverie.sandbox")


@dataclass(slots=True)
class _Sandbox:
    """A session's sandbox as this process has it."""

    folder: SandboxFolder
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    channel: ToolChannel | None = None
    resources: Sequence[Any] = ()
    turn: tuple[str, int, int] | None = None
    """Thread, turn and attempt that the folder was made ready for."""
    used_at: float = 0.0


@dataclass(slots=True)
class Sandboxes:
    """All sandboxes of a server process; by session."""

    home: Path
    """Folder below which each workspace's sandboxes have theirs."""
    isolation: Isolation
    clock: Clock
    _open: dict[str, _Sandbox] = field(default_factory=dict)

    def host(self, database: Database, workspace_id: str) -> "SandboxHost":
        """What runs calls of one workspace's sessions."""
        return SandboxHost(self, database, workspace_id)

    def get(self, workspace_id: str, session_id: str) -> _Sandbox:
        """A session's sandbox; it need not have a folder yet."""
        if session_id not in self._open:
            self._open[session_id] = _Sandbox(SandboxFolder(self.home / workspace_id / session_id))
        return self._open[session_id]

    async def tend(self) -> None:
        """End processes that have nothing to do, until cancelled; then all of them."""
        try:
            while True:
                await asyncio.sleep(_TEND_SECONDS)
                await self.end_idle(IDLE_SECONDS)
        finally:
            await self.end_idle(0.0, busy=True)

    async def end_idle(self, seconds: float, *, busy: bool = False) -> None:
        """End the processes of sandboxes that have not been used for so long."""
        now = asyncio.get_running_loop().time()
        for session_id, sandbox in list(self._open.items()):
            if (sandbox.lock.locked() and not busy) or now - sandbox.used_at < seconds:
                continue
            del self._open[session_id]
            if sandbox.channel is not None:
                await sandbox.channel.close()

    async def sweep(self, database: Database, workspace_id: str) -> None:
        """Remove the folders of sessions that are archived, deleted, or too old."""
        parent = self.home / workspace_id
        names = [path.name for path in parent.iterdir()] if parent.is_dir() else []
        if not names:
            return
        async with database.connection() as connection:
            live = await live_among(connection, names)
        for name in names:
            folder = SandboxFolder(parent / name)
            state = folder.read_state()
            old = state is not None and self.clock.now() - state.made_at > KEPT_FOR
            if name in live and not old:
                continue
            sandbox = self._open.pop(name, None)
            if sandbox is not None and sandbox.channel is not None:
                await sandbox.channel.close()
            await asyncio.to_thread(folder.remove)
            log.info("a sandbox was removed", session_id=name)


async def open_sandboxes(home: Path, wish: Wish, clock: Clock) -> Sandboxes:
    """The sandboxes of a server whose data is in ``home``.

    Raises:
        SettingsError: they cannot be isolated as wished.
    """
    isolation, reason = await asyncio.to_thread(choose_isolation, wish)
    hide_memory()
    log.info("sandboxes are open", isolation=describe(isolation, reason))
    return Sandboxes(home / "sandboxes", isolation, clock)


@dataclass(frozen=True, slots=True)
class SandboxHost:
    """Runs calls of built-in tools in the sandboxes of their sessions."""

    sandboxes: Sandboxes
    database: Database
    workspace_id: str

    def runs(self, session: LiveSession, tool: AgentTool) -> bool:  # noqa: ARG002 - a host's signature
        """Built-in tools, but those of the web; a self-hosted session's calls are answered by its worker."""
        return tool.kind == "built_in" and tool.name not in WEB_TOOLS

    async def run(self, session: LiveSession, lease: Lease, call: ToolCall) -> ToolOutcome:
        """Run a call; one at a time in a session, in the order in which they come."""
        sandbox = self.sandboxes.get(self.workspace_id, session.id)
        async with sandbox.lock:
            sandbox.used_at = asyncio.get_running_loop().time()
            try:
                return await self._run(sandbox, session, lease, call)
            finally:
                sandbox.used_at = asyncio.get_running_loop().time()

    async def deliveries(self, session: LiveSession) -> Sequence[Delivery]:
        """The files that a session left under its outputs."""
        folder = self.sandboxes.get(self.workspace_id, session.id).folder
        return await asyncio.to_thread(folder.deliveries)

    async def _run(self, sandbox: _Sandbox, session: LiveSession, lease: Lease, call: ToolCall) -> ToolOutcome:
        state = sandbox.folder.open(self.sandboxes.clock.now())
        told: list[str] = []
        if sandbox.turn != (lease.thread_id, lease.turn, lease.claim):
            state, told = await self._make_ready(sandbox, session, state)
            sandbox.turn = (lease.thread_id, lease.turn, lease.claim)
        outcome = await self._call(sandbox, session, call)
        if call.tool.name in _CHANGING:
            told += await self._collect(sandbox, session, state)
            await self._publish(sandbox, session)
        elif call.tool.name == "read" and not outcome.is_error:
            async with self.database.connection() as connection:
                await note_read(connection, session, str(call.input.get("file_path")), self.sandboxes.clock.now())
        return _with(outcome, told)

    async def _call(self, sandbox: _Sandbox, session: LiveSession, call: ToolCall) -> ToolOutcome:
        """What the session's process answers. One that gives no answer is ended; the next call gets a fresh one."""
        channel, answered = await self._channel(sandbox, session), False
        try:
            async with asyncio.timeout(LONGEST_CALL_SECONDS):
                answer = await channel.call(ToolRequest(call.id, call.tool.name, _bounded(call)))
            answered = True
        except (TimeoutError, ToolProcessLost) as error:
            reason = str(error) or f"there was no answer within {LONGEST_CALL_SECONDS:.0f} s"
            return text_outcome(f"{reason}; the call may have run, in full or in part.", is_error=True)
        finally:
            if not answered:
                channel.kill()
                sandbox.channel = None
        return ToolOutcome(tuple(answer.content), answer.is_error)

    async def _channel(self, sandbox: _Sandbox, session: LiveSession) -> ToolChannel:
        """The session's process, started if it does not run, or if other things are mounted now."""
        channel = sandbox.channel
        if channel is not None and channel.runs and sandbox.resources == session.resources:
            return channel
        if channel is not None:
            await channel.close()
        isolation = self.sandboxes.isolation
        room = sandbox.folder.room(session.resources, isolation, network=await self._network(session))
        plan = sandbox.folder.plan(session.resources, isolation)
        sandbox.channel = await ToolChannel.start(isolation, room, plan)
        sandbox.resources = session.resources
        return sandbox.channel

    async def _publish(self, sandbox: _Sandbox, session: LiveSession) -> None:
        """Have clients find what is under the session's outputs."""
        now = self.sandboxes.clock.now()
        state = sandbox.folder.open(now)
        outputs = await publish(self.database, sandbox.folder, state.outputs, session.id, now)
        if outputs != state.outputs:
            sandbox.folder.write_state(msgspec.structs.replace(state, outputs=outputs))

    async def _network(self, session: LiveSession) -> bool:
        """Whether the environment lets tools use the network; a list of hosts cannot be kept to, so it is none."""
        try:
            async with self.database.connection() as connection:
                environment = await read_environment(connection, str(session.environment_id))
        except NotFoundError:
            return False
        networking = environment.config.get("networking") or {}
        return bool(networking.get("type", "unrestricted") == "unrestricted")

    async def _make_ready(
        self, sandbox: _Sandbox, session: LiveSession, state: SandboxState
    ) -> tuple[SandboxState, list[str]]:
        """Put there what the session has mounted; what the agent has to be told."""
        folder = sandbox.folder
        if sandbox.channel is None and not folder.real(f"{WORKSPACE}/skills").exists():
            await self._unpack_skills(folder, session)
        state = msgspec.structs.replace(state, uploads=await self._put_uploads(folder, session, state.uploads))
        # What an earlier process had no time to read back is read back before it is written over.
        told = await self._collect(sandbox, session, state) if state.memory else []
        memory = {}
        for store in mounted_stores(folder, session.resources):
            memory[store.store_id], problems = await bring(self.database, store, session.id)
            told += [f"{problem.path} could not be mounted: {problem.reason}." for problem in problems]
        state = msgspec.structs.replace(state, memory=memory)
        folder.write_state(state)
        return state, told

    async def _put_uploads(self, folder: SandboxFolder, session: LiveSession, there: Sequence[str]) -> tuple[str, ...]:
        """Have the session's file resources at their places, and no others; the mount paths of those that are."""
        files = {resource["mount_path"]: resource for resource in session.resources if resource["type"] == "file"}
        for path in set(there) - files.keys():
            folder.drop_upload(path)
        put = [path for path in files if path in there]
        for path in files.keys() - set(there):
            try:
                async with self.database.connection() as connection:
                    file = await read_file(connection, files[path]["file_id"])
                await folder.put_upload(path, read_chunks(self.database, file))
            except NotFoundError as error:
                log.warning("a file cannot be mounted", session_id=session.id, path=path, error=str(error))
                continue
            put.append(path)
        return tuple(put)

    async def _unpack_skills(self, folder: SandboxFolder, session: LiveSession) -> None:
        for skill in (session.agent or {}).get("skills") or ():
            try:
                async with self.database.connection() as connection:
                    version = await read_version(connection, skill["skill_id"], skill.get("version") or "latest")
                    archive = await read_archive(connection, version)
            except NotFoundError as error:
                log.warning("a skill is not there", session_id=session.id, skill_id=skill["skill_id"], error=str(error))
                continue
            await asyncio.to_thread(folder.put_skill, archive)

    async def _collect(self, sandbox: _Sandbox, session: LiveSession, state: SandboxState) -> list[str]:
        """Take changes of memory into the stores; what the agent has to be told."""
        told: list[str] = []
        known = dict(state.memory)
        for store in mounted_stores(sandbox.folder, session.resources):
            if store.store_id not in known or not store.folder.is_dir():
                continue
            now = self.sandboxes.clock.now()
            told += await collect(self.database, store, known[store.store_id], session.id, now)
            known[store.store_id], _ = await bring(self.database, store, session.id)
        if known != state.memory:
            sandbox.folder.write_state(msgspec.structs.replace(state, memory=known))
        return told


def _bounded(call: ToolCall) -> dict[str, Any]:
    given = dict(call.input)
    if isinstance(given.get("timeout_ms"), int):
        given["timeout_ms"] = min(given["timeout_ms"], _MOST_COMMAND_MS)
    return given


def _with(outcome: ToolOutcome, told: Sequence[str]) -> ToolOutcome:
    """An outcome with what else the agent has to be told."""
    if not told:
        return outcome
    note = {"type": "text", "text": "Memory: " + " ".join(told)}
    return msgspec.structs.replace(outcome, content=(*outcome.content, note))
