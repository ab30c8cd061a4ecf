"""Files: uploaded whole, kept in pieces, streamed back."""

import asyncio
import mimetypes
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Required
from urllib.parse import quote

import structlog
from psycopg import OperationalError
from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from reverie.api.endpoint import endpoint
from reverie.api.limits import MOST_FILE_BYTES
from reverie.api.multipart import files_of, open_form, text_of
from reverie.api.pages import DEFAULT_LIMIT, NEWEST_FIRST, envelope
from reverie.api.pipeline import finish
from reverie.api.request_context import RequestContext
from reverie.api.service import Service
from reverie.api.wire_type import SdkType, WireType
from reverie.errors import InputError, SizeError
from reverie.ids import new_id
from reverie.storage.postgres.workspaces import list_workspaces
from reverie.storage.service import files as table
from reverie.storage.service.files import StoredFile

_FILE = SdkType("beta.BetaFileMetadata")
_LIFETIME_SECONDS = range(3_600, 7_776_001)
_MOST_IDS = 100
_MOST_NAME_CHARACTERS = 255
_CLEANING_SECONDS = 300.0

log = structlog.get_logger("reverie.files")
_ONE = "/v1/files/{file_id}"


class FileUploadForm(TypedDict, total=False):
    """A multipart body with a file."""

    file: Required[bytes]
    expires_in_seconds: int
    """From 3600 (an hour) to 7776000 (ninety days); by default it is kept."""


class FileListQuery(TypedDict, total=False):
    """Which files to list."""

    ids: list[str]
    """At most 100, without paging; unknown ones are left out."""
    limit: int
    page: str
    scope_id: str
    """The session that made them."""
    after_id: str
    """For clients of before pages: the ones listed after this one."""
    before_id: str
    """For clients of before pages: the ones listed before this one."""


def wire_file(file: StoredFile) -> dict[str, Any]:
    """A file as it is answered."""
    wire = {
        "id": file.id,
        "type": "file",
        "filename": file.filename,
        "mime_type": file.mime_type,
        "size_bytes": file.size_bytes,
        "created_at": file.created_at,
        "downloadable": True,
        "expires_at": file.expires_at,
    }
    return wire if file.session_id is None else wire | {"scope": {"type": "session", "id": file.session_id}}


@endpoint(
    "files.upload",
    "POST",
    "/v1/files",
    body=WireType(FileUploadForm),
    body_media="multipart/form-data",
    answer=_FILE,
    raw_body=True,
    transaction=False,
)
async def upload(context: RequestContext) -> dict[str, Any]:
    """Upload a file of up to 500 MB.

    One that was cut off leaves nothing.
    """
    async with open_form(context.request, list(FileUploadForm.__annotations__), MOST_FILE_BYTES) as form:
        uploads = files_of(form, "file")
        if len(uploads) > 1:
            raise InputError("file: send one file a request")
        file = _describe(uploads[0], text_of(form, "expires_in_seconds"), context.now)
        async with context.database.connection() as connection:
            context.open_connection = connection
            await table.insert_file(connection, file, uploads[0].file)
            context.resource_id = file.id
            await finish(context, "files.upload")
    return wire_file(file)


def _describe(upload: UploadFile, lifetime: str | None, now: datetime) -> StoredFile:
    size = upload.size or 0
    if size > MOST_FILE_BYTES:
        raise SizeError(f"the file has {size:,} bytes; at most {MOST_FILE_BYTES:,} are taken")
    mime_type, name = stored_name(upload.filename or "", upload.content_type)
    expires_at = None if lifetime is None else now + timedelta(seconds=_lifetime(lifetime))
    return StoredFile(new_id("file", now), name, mime_type, size, now, None, expires_at)


def stored_name(filename: str, media_type: str | None) -> tuple[str, str]:
    """The media type and the name that a file is kept under: the last part of its path, on whichever system.

    Raises:
        InputError: the name is too long.
    """
    name = filename.replace("\\", "/").rpartition("/")[2].strip()
    if len(name) > _MOST_NAME_CHARACTERS:
        raise InputError(f"file: its name has {len(name)} characters; at most {_MOST_NAME_CHARACTERS} are allowed")
    mime_type = (media_type or "").partition(";")[0].strip()
    mime_type = mime_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return mime_type, name or f"unnamed{mimetypes.guess_extension(mime_type) or ''}"


def _lifetime(text: str) -> int:
    if not text.isdecimal() or int(text) not in _LIFETIME_SECONDS:
        first, last = _LIFETIME_SECONDS[0], _LIFETIME_SECONDS[-1]
        raise InputError(f"expires_in_seconds: {text!r} is no whole number from {first} to {last}")
    return int(text)


@endpoint("files.list", "GET", "/v1/files", query=WireType(FileListQuery), answer=_FILE, is_list=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List files, newest first."""
    query = context.query
    if "ids" in query:
        return envelope([wire_file(file) for file in await _named(context)], None)
    limit = query.get("limit", DEFAULT_LIMIT)
    before, after = NEWEST_FIRST.read(query.get("page")), None
    if "after_id" in query:
        before = await _position(context, query["after_id"])
    elif "before_id" in query:
        after = await _position(context, query["before_id"])
    rows = await table.list_files(
        context.connection, session_id=query.get("scope_id"), before=before, after=after, limit=limit + 1
    )
    shown, next_page = NEWEST_FIRST.cut(rows, limit)
    if after is None:
        return envelope([wire_file(file) for file in shown], next_page)
    # Towards the newest, where no cursor leads.
    return envelope([wire_file(file) for file in reversed(shown)], None) | {"has_more": next_page is not None}


async def _named(context: RequestContext) -> list[StoredFile]:
    ids = set(context.query["ids"])
    if len(ids) > _MOST_IDS:
        raise InputError(f"ids: {len(ids)} ids; at most {_MOST_IDS} are allowed")
    others = sorted(context.query.keys() & {"limit", "page", "after_id", "before_id"})
    if others:
        raise InputError(f"{others[0]}: cannot be given together with ids")
    found = await table.find_files(context.connection, list(ids))
    scope = context.query.get("scope_id")
    return [file for file in found if scope in (None, file.session_id)]


async def _position(context: RequestContext, file_id: str) -> tuple[datetime, str]:
    file = await table.read_file(context.connection, file_id)
    return file.created_at, file.id


@endpoint("files.retrieve_metadata", "GET", _ONE, answer=_FILE)
async def retrieve_metadata(context: RequestContext) -> dict[str, Any]:
    """Read what is known of a file."""
    return wire_file(await table.read_file(context.connection, context.path["file_id"]))


@endpoint("files.download", "GET", f"{_ONE}/content", answer_media="application/octet-stream", transaction=False)
async def download(context: RequestContext) -> Response:
    """Download a file."""
    async with context.database.connection() as connection:
        file = table.require_unexpired(await table.read_file(connection, context.path["file_id"]), context.now)
    headers = {
        "content-length": str(file.size_bytes),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(table.read_chunks(context.database, file), headers=headers, media_type=file.mime_type)


@endpoint("files.delete", "DELETE", _ONE, answer=SdkType("beta.BetaDeletedFile"))
async def delete(context: RequestContext) -> Mapping[str, Any]:
    """Delete a file."""
    await table.delete_file(context.connection, context.path["file_id"])
    return {"id": context.path["file_id"], "type": "file_deleted"}


async def clean(service: Service) -> None:
    """Give up the bytes of expired files, from time to time, in every workspace."""
    while True:
        try:
            await clean_once(service)
        except OperationalError:
            log.warning("the database did not answer; expired files are given up later")
        await asyncio.sleep(_CLEANING_SECONDS)


async def clean_once(service: Service) -> None:
    """Give up the bytes of files that have expired by now."""
    async with service.database.connection() as connection:
        workspaces = await list_workspaces(connection)
    for workspace in workspaces:
        async with service.database.of_schema(workspace.schema).connection() as connection:
            await table.drop_expired_bytes(connection, service.clock.now())
