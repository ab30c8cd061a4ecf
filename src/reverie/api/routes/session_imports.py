"""Import of recorded sessions over HTTP, and their transcripts as text."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import PlainTextResponse, Response

from reverie.api.endpoint import endpoint
from reverie.api.multipart import files_of, limited, open_form
from reverie.api.pipeline import finish
from reverie.api.records import SessionImport, SessionImportParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.digests.tool_error import tool_failed
from reverie.errors import InputError
from reverie.outcomes.score_words import split_score_options
from reverie.sessions.session import Transcript
from reverie.sessions.transcript import Turn, render_turns
from reverie.storage.sessions.import_summary import ImportOptions, ImportSummary
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.transcripts import read_transcript

_RAW_NAME = "sessions"
_PARTS = ("file", "scores")


@endpoint(
    "session_imports.create",
    "POST",
    "/v1/session_imports",
    query=RecordType(SessionImportParams),
    answer=RecordType(SessionImport),
    extension=True,
    transaction=False,
    raw_body=True,
)
async def create(context: RequestContext) -> SessionImport:
    """Import recorded sessions from files.

    The parts ``file`` (any number) and ``scores`` of a multipart body, or the body as one file.
    """
    settings = context.service.settings
    with tempfile.TemporaryDirectory(prefix="reverie-import-") as name:
        folder = Path(name)
        async with _received(context, folder) as (files, scores):
            options = _options(context.query, scores, redact=settings.redaction)
            summary = await import_sessions(
                context.database, settings, files, options, context.service.clock, lambda _: None
            )
    async with context.database.connection() as connection:
        context.open_connection = connection
        await finish(context, "session_imports.create")
    return SessionImport(**msgspec.structs.asdict(_as_sent(summary, folder)))


def _options(query: Mapping[str, Any], scores: Path | None, *, redact: bool) -> ImportOptions:
    if scores is None and (query.get("scores_key") or split_score_options(query.get("score", ()))[0]):
        raise InputError("scores_key and score say how to read a score file; send it as the part 'scores'")
    overrides = {} if "agent" not in query else {"agent": query["agent"]}
    for assignment in query.get("set", ()):
        key, separator, value = assignment.partition("=")
        if not separator or not key:
            raise InputError(f"set: {assignment!r}; give it as KEY=VALUE")
        overrides[key] = value
    return ImportOptions(
        format=query.get("format"),
        overrides=overrides,
        scores=scores,
        scores_key=query.get("scores_key"),
        score_fields=tuple(query.get("score", ())),
        strict=query.get("strict", False),
        redact=redact,
    )


@asynccontextmanager
async def _received(context: RequestContext, folder: Path) -> AsyncIterator[tuple[list[Path], Path | None]]:
    """The files that were sent, on disk in ``folder``, and the score file."""
    most = context.service.settings.import_bytes
    if not context.request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        path = _place(folder, 0, context.query.get("filename", _RAW_NAME))
        async with await anyio.open_file(path, "wb") as file:
            async for piece in limited(context.request, most):
                await file.write(piece)
        yield [path], None
        return
    async with open_form(context.request, _PARTS, most) as form:
        files = await _keep(files_of(form, "file"), folder, 1)
        scores = await _keep(files_of(form, "scores"), folder, 0) if "scores" in form else [None]
        if len(scores) > 1:
            raise InputError("scores: send one file")
        yield files, scores[0]


async def _keep(uploads: Sequence[UploadFile], folder: Path, first: int) -> list[Path]:
    kept = []
    for number, upload in enumerate(uploads, first):
        path = _place(folder, number, upload.filename or _RAW_NAME)
        await asyncio.to_thread(_copy, upload, path)
        kept.append(path)
    return kept


def _copy(upload: UploadFile, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file)


def _place(folder: Path, number: int, filename: str) -> Path:
    """Where a file is kept: under the last part of its name, since importers go by it, apart from all others."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name or len(name.encode()) > 255:
        raise InputError(f"the file name {filename[:80]!r} cannot be used; send another one")
    path = folder / str(number) / name
    path.parent.mkdir()
    return path


def _as_sent(summary: ImportSummary, folder: Path) -> ImportSummary:
    """The summary with the names that files were sent under in place of where they were kept."""

    def plain(text: str) -> str:
        head, found, rest = text.partition(f"{folder}/")
        return head + rest.partition("/")[2] if found else text

    return msgspec.structs.replace(
        summary,
        errors=[msgspec.structs.replace(problem, path=plain(problem.path)) for problem in summary.errors],
        warnings=[plain(text) for text in summary.warnings],
        notices=[plain(text) for text in summary.notices],
    )


@endpoint(
    "sessions.transcript", "GET", "/v1/sessions/{session_id}/transcript", answer_media="text/plain", extension=True
)
async def transcript(context: RequestContext) -> Response:
    """Read a session as text."""
    found = await read_transcript(context.connection, context.path["session_id"])
    return PlainTextResponse(await asyncio.to_thread(_as_text, found))


def _as_text(transcript: Transcript) -> str:
    return "\n\n".join(_line(turn) for turn in render_turns(transcript, tool_failed)) + "\n"


def _line(turn: Turn) -> str:
    kind = "" if turn.kind == "message" else f", {turn.kind}"
    return f"[{turn.sequence}] {turn.who}{kind}: {turn.text}"
