"""Showing a reply while it comes: passed on to whoever follows the session, and kept nowhere."""

import asyncio
from typing import Any

from reverie.runtime.live_state import LiveState, Transition
from reverie.runtime.writer import begin_preview
from reverie.storage.live.leases import Lease
from reverie.storage.live.log import apply_transition
from reverie.storage.postgres.announcement import announce_preview, preview_pieces
from reverie.turn_model import BlockBegun, SilentPiece, TextPiece
from reverie.turns.desk import Desk

JOIN_SECONDS = 0.05
"""Pieces that come closer together than this are passed on as one: each costs a notification."""
_SHOWN = {"text": "agent.message", "thinking": "agent.thinking"}


class Previewer:
    """Passes on the pieces of one reply. The first text has the id that was promised when the request began."""

    def __init__(self, desk: Desk, lease: Lease, promised: str) -> None:
        self._desk = desk
        self._lease = lease
        self._first = promised
        self.promised: dict[int, str] = {}
        """Ids of events that were shown, by the position of their block in the reply."""
        self._starts: list[dict[str, Any]] = []
        """Starts of events that have not been passed on yet: a text's goes with its first piece."""
        self._waiting: list[str] = []
        self._index = -1
        self._passed_on_at = 0.0

    async def show(self, piece: BlockBegun | TextPiece | SilentPiece) -> None:
        """Pass on a piece, now or with those that follow it at once."""
        if isinstance(piece, BlockBegun):
            await self.flush()
            if piece.type in _SHOWN:
                await self._begin(piece.index, _SHOWN[piece.type])
        elif isinstance(piece, TextPiece):
            if piece.index != self._index:
                if self._waiting:
                    await self.flush()
                self._index = piece.index
            self._waiting.append(piece.text)
            if asyncio.get_running_loop().time() - self._passed_on_at >= JOIN_SECONDS:
                await self.flush()

    async def flush(self) -> None:
        """Pass on what waits."""
        text, self._waiting = "".join(self._waiting), []
        messages, self._starts = self._starts, []
        for part in preview_pieces(text) if self._index in self.promised else ():
            content = {"type": "content_delta", "index": 0, "content": {"type": "text", "text": part}}
            messages.append({"type": "event_delta", "event_id": self.promised[self._index], "delta": content})
        if not messages:
            return
        self._passed_on_at = asyncio.get_running_loop().time()
        async with self._desk.database.statements() as connection:
            await announce_preview(connection, self._lease.session_id, self._lease.thread, *messages)

    async def _begin(self, index: int, type_: str) -> None:
        if type_ == "agent.message" and self._first:
            promised, self._first = self._first, ""
        else:
            promised = await self._promise(type_)
        self.promised[index] = promised
        self._starts.append({"type": "event_start", "event": {"type": type_, "id": promised}})
        if type_ != "agent.message":
            await self.flush()

    async def _promise(self, type_: str) -> str:
        now, promised = self._desk.clock.now(), ""

        def decide(state: LiveState) -> Transition:
            nonlocal promised
            transition, promised = begin_preview(state, type_, now)
            return transition

        async with self._desk.database.connection() as connection:
            await apply_transition(connection, self._lease.session_id, decide, now, lease=self._lease)
        return promised
