"""The process that runs the built-in tools of one session: the SDK's own tool functions, a call at a time.

It reads a plan and then requests as lines of JSON from standard input, and answers each on standard output (see
:mod:`reverie.turns.tool_protocol`). When its input ends, so do it and all that it started.
"""

import asyncio
import os
import posixpath
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from anthropic.lib.tools import ToolError, agent_toolset
from anthropic.lib.tools.agent_toolset import AgentToolContext, beta_agent_toolset_20260401

from reverie.turns.isolation import be_a_tool_process, end_group
from reverie.turns.tool_protocol import Place, ToolAnswer, ToolPlan, ToolRequest

MOST_CHARACTERS = 100_000
"""The longest text of a result; more goes to a file."""
_SHOWN_CHARACTERS = 10_000
_KEPT_BYTES = 2 * 1024 * 1024
"""How much output of a command is kept: the SDK's own tool forgets all but the last 100 kB."""
_OUTPUT_FOLDER = ".tool-output"
_LONGEST_LINE = 64 * 1024 * 1024
_PATH_FIELDS = ("file_path", "path")


def to_real(places: Sequence[Place], path: str) -> str:
    """An absolute path below a promised one as this process has it; others stay."""
    if not path.startswith("/"):
        return path
    plain = posixpath.normpath(path)
    for place in places:
        if plain == place.promised or plain.startswith(f"{place.promised}/"):
            return place.real + plain[len(place.promised) :]
    return path


def in_command(places: Sequence[Place], command: str) -> str:
    """A shell command with promised paths replaced wherever they stand as paths of their own."""
    for place in places:
        pattern = rf"(?<![\w./~-]){re.escape(place.promised)}(?![\w.-])"
        command = re.sub(pattern, lambda _, place=place: place.real, command)  # type: ignore[misc]
    return command


def to_promised(places: Sequence[Place], text: str) -> str:
    """A tool's words with this process's paths as the agent knows them."""
    for place in places:
        for real in {place.real, str(Path(place.real).resolve())}:
            text = text.replace(real, place.promised)
    return text


def main() -> None:
    """Serve until the input ends."""
    asyncio.run(_serve())


async def _serve() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Whatever a library prints is no answer.
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    plan = msgspec.json.decode(await reader.readline(), type=ToolPlan)
    be_a_tool_process(limited=plan.limited)
    requests: asyncio.Queue[ToolRequest] = asyncio.Queue()
    working = asyncio.create_task(_work(plan, requests, answers))
    working.add_done_callback(_end_if_broken)
    while line := await reader.readline():
        requests.put_nowait(msgspec.json.decode(line, type=ToolRequest))
    working.cancel()
    end_group()


def _end_if_broken(working: "asyncio.Task[None]") -> None:
    """End rather than leave callers waiting for answers that will not come."""
    if not working.cancelled() and (error := working.exception()) is not None:
        traceback.print_exception(error)
        end_group()


async def _work(plan: ToolPlan, requests: "asyncio.Queue[ToolRequest]", answers: Any) -> None:
    agent_toolset.BASH_OUTPUT_LIMIT = _KEPT_BYTES
    context = AgentToolContext(
        workdir=plan.workdir,
        allowed_roots=[Path(root) for root in plan.roots],
        read_only_roots=[Path(root) for root in plan.read_only],
    )
    tools = {tool.name: tool for tool in beta_agent_toolset_20260401(context)}
    while True:
        request = await requests.get()
        answer = await _answer(plan, tools, request)
        answers.write(msgspec.json.encode(answer) + b"\n")
        answers.flush()


async def _answer(plan: ToolPlan, tools: Mapping[str, Any], request: ToolRequest) -> ToolAnswer:
    tool = tools.get(request.name)
    if tool is None:
        return _text(request, f"there is no tool {request.name!r} here", is_error=True)
    try:
        result = await tool.call(_translated(plan, request))
    except ToolError as error:
        return _answered(plan, request, error.content, is_error=True)
    except (ValueError, TypeError, OSError, RuntimeError, TimeoutError, LookupError) as error:
        return _text(request, to_promised(plan.places, f"{type(error).__name__}: {error}"), is_error=True)
    return _answered(plan, request, result, is_error=False)


def _translated(plan: ToolPlan, request: ToolRequest) -> dict[str, Any]:
    given = dict(request.input)
    for field in _PATH_FIELDS:
        if isinstance(given.get(field), str):
            given[field] = to_real(plan.places, given[field])
    if isinstance(given.get("command"), str):
        given["command"] = in_command(plan.places, given["command"])
    return given


def _answered(plan: ToolPlan, request: ToolRequest, result: Any, *, is_error: bool) -> ToolAnswer:
    if not isinstance(result, str):
        blocks = [dict(block) for block in result or ()]
        return ToolAnswer(request.id, blocks or [_block("(no output)")], is_error)
    # What a file holds is the file's, paths and all: an edit has to find it again.
    text = result if request.name == "read" and not is_error else to_promised(plan.places, result)
    if len(text) > MOST_CHARACTERS:
        text = _put_aside(plan, request, text)
    return _text(request, text or "(no output)", is_error=is_error)


def _put_aside(plan: ToolPlan, request: ToolRequest, text: str) -> str:
    """Write a long output to a file; what the agent is shown of it."""
    name = re.sub(r"\W", "", request.id) or "output"
    folder = Path(plan.workdir, _OUTPUT_FOLDER)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text(text, encoding="utf-8", errors="replace")
    left_out = len(text) - 2 * _SHOWN_CHARACTERS
    return (
        f"{text[:_SHOWN_CHARACTERS]}\n\n[… {left_out:,} characters left out; all {len(text):,} are in the file "
        f"{_OUTPUT_FOLDER}/{name}.txt of the working directory: read parts of it …]\n\n{text[-_SHOWN_CHARACTERS:]}"
    )


def _text(request: ToolRequest, text: str, *, is_error: bool) -> ToolAnswer:
    return ToolAnswer(request.id, [_block(text)], is_error)


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
