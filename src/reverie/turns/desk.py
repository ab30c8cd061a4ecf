"""What a turn is run with; made once for each workspace that a process runs turns of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from reverie.clock import Clock
from reverie.models.router import RoutedModel
from reverie.runtime.grading import Delivery
from reverie.runtime.reply_events import Judge, judge_by_policy
from reverie.runtime.tool_catalogue import WEB_TOOLS, AgentTool, RemoteTool
from reverie.storage.live.leases import Lease
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Database
from reverie.turn_model import Block


class Models(Protocol):
    """Finds models for the ids that agents name."""

    @property
    def any(self) -> bool:
        """Whether there is a model for any id."""
        ...

    def find(self, model_id: str) -> RoutedModel:
        """The model for an id.

        Raises:
            ModelAccessError: none answers for it; the message says what to set.
        """
        ...


class ToolCall(msgspec.Struct, frozen=True):
    """A call that is run on this side."""

    id: str
    """Id of the event that asked for it; an idempotency key, too."""
    tool: AgentTool
    input: Mapping[str, Any]


class ToolOutcome(msgspec.Struct, frozen=True):
    """What came of a call."""

    content: tuple[Block, ...]
    is_error: bool = False


class Host(Protocol):
    """Runs calls of some kind of tools."""

    def runs(self, session: LiveSession, tool: AgentTool) -> bool:
        """Whether this host runs the tool's calls in that session."""
        ...

    async def run(self, session: LiveSession, lease: Lease, call: ToolCall) -> ToolOutcome:
        """Run a call. Failures of the tool are outcomes, not exceptions."""
        ...


class RemoteServers(Protocol):
    """The MCP servers of agents."""

    async def connect(
        self, session: LiveSession, thread: str | None, agent: Mapping[str, Any]
    ) -> Sequence[dict[str, Any]]:
        """Have an agent's servers ready for a turn; a ``session.error`` for each that is not."""
        ...

    def listed(
        self, session: LiveSession, thread: str | None, agent: Mapping[str, Any]
    ) -> Mapping[str, Sequence[RemoteTool]]:
        """The tools of each server that is ready, by the server's name."""
        ...


async def no_files(_session: LiveSession) -> Sequence[Delivery]:
    """No files are delivered: the last message is what is judged."""
    return ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that running turns needs besides the lease."""

    database: Database
    workspace_id: str
    clock: Clock
    models: Models
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    """Uniform in [0, 1)."""
    hosts: Sequence[Host] = ()
    unavailable: frozenset[str] = WEB_TOOLS
    """Built-in tools that nothing here runs; no model is shown them."""
    servers: RemoteServers | None = None
    """None: agents do without their MCP servers."""
    judge: Judge = judge_by_policy
    deliveries: Callable[[LiveSession], Awaitable[Sequence[Delivery]]] = no_files
    """Files that a session delivered, for the grader."""


def text_outcome(text: str, *, is_error: bool = False) -> ToolOutcome:
    """An outcome that is one text."""
    return ToolOutcome(({"type": "text", "text": text},), is_error)
