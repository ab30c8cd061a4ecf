"""The server's end of a process that runs tools: started, asked, ended."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

import msgspec

from reverie.errors import ReverieError
from reverie.turns.isolation import Isolation, Room, scrubbed_environment, tool_command
from reverie.turns.tool_protocol import ToolAnswer, ToolPlan, ToolRequest

_LONGEST_ANSWER = 64 * 1024 * 1024
_MODULE = "reverie.turns.tool_process"


class ToolProcessLost(ReverieError):
    """The process ended before it answered."""


class ToolChannel:
    """A process that runs the tools of one session, one call at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, isolation: Isolation, room: Room, plan: ToolPlan) -> "ToolChannel":
        """Start a process in a room.

        Raises:
            OSError: it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *tool_command(isolation, room, _MODULE),
            stdin=PIPE,
            stdout=PIPE,
            stderr=None,
            cwd=room.folder,
            env=scrubbed_environment(os.environ, room),
            start_new_session=True,
            limit=_LONGEST_ANSWER,
        )
        channel = cls(process)
        channel._send(msgspec.json.encode(plan))
        return channel

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process.returncode is None

    async def call(self, request: ToolRequest) -> ToolAnswer:
        """Run a call.

        Raises:
            ToolProcessLost: the process ended meanwhile.
        """
        assert self._process.stdout is not None
        try:
            self._send(msgspec.json.encode(request))
            while line := await self._process.stdout.readline():
                answer = msgspec.json.decode(line, type=ToolAnswer)
                if answer.id == request.id:
                    return answer
        except (ConnectionError, ValueError, msgspec.MsgspecError) as error:
            raise ToolProcessLost(f"the process that ran the tool gave no answer: {error}") from error
        raise ToolProcessLost("the process that ran the tool ended")

    def kill(self) -> None:
        """End the process and what it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the process, and see that it has ended."""
        self.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
