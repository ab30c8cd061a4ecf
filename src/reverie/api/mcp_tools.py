"""The MCP server's tools and resources: what a model reads of them, in few words.

Loaded by ``reverie mcp`` and for ``/mcp`` alone: the ``mcp`` package is an optional extra.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any
from urllib.parse import quote

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError, UnexpectedToolError
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import Field, ValidationError

from reverie.api.mcp_desk import McpDesk
from reverie.errors import NotFoundError, ReverieError
from reverie.lessons.lesson import Lesson

_INSTRUCTIONS = (
    "Reverie keeps what earlier sessions have shown. Call `briefing` once before you begin, `recall` when you need to "
    "know more, `remember` when you found out something that the next session should know, and `report_outcome` when "
    "you know how it went."
)
Desk = Callable[[], McpDesk]
_MOST_RECALLED = 20
_MOST_CITED = 3
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


async def serve(desk: McpDesk) -> None:
    """Serve one client on standard input and output until it ends."""
    await make_server(lambda: desk).run_stdio_async()


class _Server(MCPServer[Any]):
    """Tells a model what was wrong in one sentence, where the SDK gives a report for programmers."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.__cause__.errors())
                raise ToolError(f"{wrong}; call {name} again with that put right") from error
            raise ToolError(str(error.__cause__ or error)) from error


def make_server(desk: Desk) -> MCPServer[Any]:
    """The server with its tools and resources; ``desk`` gives that of the session that asks."""
    server = _Server("reverie", instructions=_INSTRUCTIONS, version=version("reverie"), log_level="WARNING")
    _add_lessons(server, desk)
    _add_notes(server, desk)
    _add_resources(server, desk)
    return server


def _add_lessons(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_WRITES, structured_output=False)
    async def briefing(
        task: Annotated[str, Field(description="What you are asked to do, in a sentence or two.")] = "",
        task_family: Annotated[str | None, Field(description="The kind of task, where you were told one.")] = None,
    ) -> str:
        """What earlier sessions have shown that helps with this task. Call it once, before you begin."""
        async with _told():
            given = await desk().brief(task, task_family)
        text = given.text or "Nothing is known yet that would help. Go on as you would."
        return f"{text}\n\nReference for report_outcome: {given.reference}"

    @server.tool(annotations=_READS, structured_output=False)
    async def recall(
        query: Annotated[str, Field(description="A few words on what you want to know.", min_length=1)],
        limit: Annotated[int, Field(ge=1, le=_MOST_RECALLED)] = 5,
    ) -> str:
        """Memories that suit a query, best first, each with its store and path."""
        async with _told():
            found = await desk().recall(query, limit)
        if not found:
            return "Nothing in memory suits these words. Try fewer or other ones, or go on without."
        return "\n".join(f"- {store.name} {hit.path}: {' '.join(hit.snippet.split())}" for store, hit in found)

    @server.tool(annotations=_READS, structured_output=False)
    async def explain_lesson(
        lesson: Annotated[str, Field(description="Its id (lsn_…), the end of it, or its document's path.")],
    ) -> str:
        """Why a lesson is believed: its numbers, and sessions for and against it."""
        async with _told():
            return _explained(await desk().explain(lesson))


def _add_notes(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_WRITES, structured_output=False)
    async def remember(
        text: Annotated[str, Field(description="What you found out, as a fact in a sentence or two; no secrets.")],
        store: Annotated[str | None, Field(description="The store, where there are several.")] = None,
    ) -> str:
        """Keep a short note for the sessions after this one; the next dream looks at it and keeps what holds."""
        async with _told():
            kept, path = await desk().remember(text, store)
        return f"Remembered in {kept.name} at {path}."

    @server.tool(annotations=_WRITES, structured_output=False)
    async def report_outcome(
        score: Annotated[float, Field(description="From 0 (failed) to 1 (succeeded).")],
        note: Annotated[str, Field(description="What went well or wrong, in a sentence.")] = "",
        reference: Annotated[str | None, Field(description="Of another briefing; by default this session's.")] = None,
    ) -> str:
        """Say how the task went, so that advice that helps is kept and advice that harms goes. The last word counts."""
        async with _told():
            done = await desk().report(score, note, reference)
        if done.reward is None:
            return (
                f"Recorded for session {done.session_id}, but no reward follows from it: somebody has to define the "
                "metric reported_outcome (reverie metric define reported_outcome)."
            )
        return f"Recorded for session {done.session_id}; its reward is {done.reward:.3g}."


def _add_resources(server: MCPServer[Any], desk: Desk) -> None:
    @server.resource("reverie://{store}", name="store", mime_type="text/plain")
    async def listing(store: str) -> str:
        """The addresses of a store's memories, one a line."""
        async with _told_missing():
            paths = await desk().paths(store)
        return "".join(f"reverie://{quote(store, safe='')}{quote(path)}\n" for path in paths)

    @server.resource("reverie://{store}/{+path}", name="memory", mime_type="text/markdown")
    async def memory(store: str, path: str) -> str:
        """One memory of a store."""
        async with _told_missing():
            return (await desk().memory(store, f"/{path}")).content or ""


def _explained(lesson: Lesson) -> str:
    scope = [f"agent {lesson.scope.agent}"] if lesson.scope.agent else []
    scope += [f"tasks of the kind {lesson.scope.task_family}"] if lesson.scope.task_family else []
    effect = lesson.effect
    lines = [
        f"{lesson.advice}.",
        f"{lesson.id}, {lesson.kind.replace('_', ' ')}, {lesson.status}: {lesson.reason}.",
        f"Holds for: {', '.join(scope) or 'any agent and task'}.",
        *([lesson.numbers] if lesson.numbers else []),
        f"Effect on {lesson.outcome}: {effect.estimate:+.3f} (95 %: {effect.low:+.3f} to {effect.high:+.3f}).",
        f"{lesson.sessions_with} sessions did it, {lesson.sessions_without} did not.",
    ]
    for word, cited in (("Seen in", lesson.evidence), ("Against it", lesson.counter_examples)):
        if cited:
            lines.append(f"{word}: {', '.join(each.session_id for each in cited[:_MOST_CITED])}.")
    return "\n".join(lines)


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """What goes wrong on purpose, as a result that the model reads."""
    try:
        yield
    except ReverieError as error:
        raise ToolError(str(error)) from error


@asynccontextmanager
async def _told_missing() -> AsyncIterator[None]:
    try:
        yield
    except NotFoundError as error:
        raise ResourceNotFoundError(f"{error}; read reverie://STORE for what there is") from error
