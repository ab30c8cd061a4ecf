"""Skills: directories of files that teach an agent something, in versions."""

import asyncio
from typing import Any

from starlette.responses import Response
from typing_extensions import TypedDict

from reverie.agents.skill_bundle import MOST_BYTES, SkillBundle, SkillFile, read_bundle, zip_bundle
from reverie.api.answer import finish
from reverie.api.endpoint import Call, Endpoint
from reverie.api.multipart import files_of, open_form, text_of
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.service import skills as table
from reverie.storage.service.skills import Skill, SkillVersion, version_stamp

_TYPES = "anthropic.types.beta"
_HERE = __name__
_SKILL = WireType(f"{_TYPES}.beta_skill:BetaSkill")
_VERSION = WireType(f"{_TYPES}.skills.beta_skill_version:BetaSkillVersion")
_CUSTOM = "custom"
_MOST_DISPLAY_CHARACTERS = 255


class SkillUploadForm(TypedDict, total=False):
    """A multipart body with the files of a skill."""

    files: list[bytes]
    """Sent as `files[]`: all in one directory with a SKILL.md, or one zip archive of it."""
    display_name: str
    display_title: str
    """What older clients send for `display_name`."""


class SkillVersionUploadForm(TypedDict, total=False):
    """A multipart body with the files of a skill's next version."""

    files: list[bytes]
    """Sent as `files[]`: all in one directory with a SKILL.md, or one zip archive of it."""


class SkillVersionListQuery(TypedDict, total=False):
    """Which versions to list."""

    limit: int
    page: str


def wire_skill(skill: Skill) -> dict[str, Any]:
    """A skill as it is answered, with what older clients look for besides."""
    return {
        "id": skill.id,
        "type": "skill",
        "display_name": skill.display_name,
        "display_title": skill.display_name,
        "latest_version_id": skill.latest_version_id,
        "latest_version": version_stamp(skill.latest_version_at),
        "source": {"type": _CUSTOM},
        "created_at": skill.created_at,
        "updated_at": skill.updated_at,
    }


def wire_version(version: SkillVersion) -> dict[str, Any]:
    """A version as it is answered, with what older clients look for besides."""
    return {
        "id": version.id,
        "type": "skill_version",
        "skill_id": version.skill_id,
        "version": version_stamp(version.created_at),
        "name": version.name,
        "directory": version.name,
        "description": version.description,
        "created_at": version.created_at,
    }


async def create(call: Call) -> dict[str, Any]:
    """Make a skill from its files."""
    bundle, archive, label = await _read_upload(call, SkillUploadForm)
    skill_id = new_id("skill", call.now)
    async with call.database.connection() as connection:
        call.open_connection = connection
        await table.insert_skill(connection, skill_id, bundle.name, label or bundle.name, call.now)
        version = SkillVersion(new_id("skillver", call.now), skill_id, bundle.name, bundle.description, call.now)
        await table.insert_version(connection, version, archive)
        call.resource_id = skill_id
        await finish(call, "skills.create")
        return wire_skill(await table.read_skill(connection, skill_id))


async def create_version(call: Call) -> dict[str, Any]:
    """Add a version to a skill; its name must stay."""
    bundle, archive, _ = await _read_upload(call, SkillVersionUploadForm)
    async with call.database.connection() as connection:
        call.open_connection = connection
        skill = await table.read_skill(connection, call.path["skill_id"], lock=True)
        if bundle.name != skill.name:
            raise StateError(f"files: this is the skill {bundle.name!r}, not {skill.name!r}; a skill keeps its name")
        version = SkillVersion(new_id("skillver", call.now), skill.id, skill.name, bundle.description, call.now)
        await table.insert_version(connection, version, archive)
        call.resource_id = version.id
        await finish(call, "skills.versions.create")
    return wire_version(version)


async def _read_upload(call: Call, fields: Any) -> tuple[SkillBundle, bytes, str | None]:
    """The skill that was uploaded, its archive, and what to call it."""
    async with open_form(call.request, list(fields.__annotations__), MOST_BYTES) as form:
        label = text_of(form, "display_name") or text_of(form, "display_title")
        if label is not None and (len(label) > _MOST_DISPLAY_CHARACTERS or len(label.splitlines()) > 1):
            raise InputError(f"display_name: one line of at most {_MOST_DISPLAY_CHARACTERS} characters")
        uploads = [SkillFile(file.filename or "", await file.read()) for file in files_of(form, "files")]
    bundle = await asyncio.to_thread(read_bundle, uploads)
    return bundle, await asyncio.to_thread(zip_bundle, bundle), label


async def retrieve(call: Call) -> dict[str, Any]:
    """One skill."""
    return wire_skill(await table.read_skill(call.connection, call.path["skill_id"]))


async def list_all(call: Call) -> dict[str, Any]:
    """Skills, newest first; all of them are custom ones."""
    if call.query.get("source", _CUSTOM) != _CUSTOM:
        return envelope([], None)
    limit = call.query.get("limit", 20)
    rows = await table.list_skills(call.connection, decode_position(call.query.get("page")), limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_skill(row) for row in shown], next_page)


async def delete(call: Call) -> dict[str, Any]:
    """Delete a skill with all of its versions."""
    await table.delete_skill(call.connection, call.path["skill_id"])
    return {"id": call.path["skill_id"], "type": "skill_deleted"}


async def retrieve_version(call: Call) -> dict[str, Any]:
    """One version of a skill."""
    return wire_version(await table.read_version(call.connection, call.path["skill_id"], call.path["version"]))


async def list_versions(call: Call) -> dict[str, Any]:
    """Versions of a skill, newest first."""
    limit = call.query.get("limit", 20)
    skill = await table.read_skill(call.connection, call.path["skill_id"])
    rows = await table.list_versions(call.connection, skill, decode_position(call.query.get("page")), limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_version(row) for row in shown], next_page)


async def download_version(call: Call) -> Response:
    """The files of a version as a zip archive."""
    version = await table.read_version(call.connection, call.path["skill_id"], call.path["version"])
    archive = await table.read_archive(call.connection, version)
    headers = {"content-disposition": f'attachment; filename="{version.name}.zip"'}
    return Response(archive, headers=headers, media_type="application/zip")


async def delete_version(call: Call) -> dict[str, Any]:
    """Delete a version of a skill, but not its only one."""
    skill = await table.read_skill(call.connection, call.path["skill_id"], lock=True)
    version = await table.read_version(call.connection, skill.id, call.path["version"])
    await table.delete_version(call.connection, version)
    return {"id": version.id, "type": "skill_version_deleted"}


_ALL = "/v1/skills"
_ONE = "/v1/skills/{skill_id}"
_VERSIONS = f"{_ONE}/versions"
_ONE_VERSION = f"{_VERSIONS}/{{version}}"
ENDPOINTS = (
    Endpoint(
        "skills.create",
        "POST",
        _ALL,
        create,
        "Make a skill from its files.",
        body=WireType(f"{_HERE}:SkillUploadForm"),
        body_media="multipart/form-data",
        answer=_SKILL,
        raw_body=True,
        transaction=False,
    ),
    Endpoint(
        "skills.list",
        "GET",
        _ALL,
        list_all,
        "List skills, newest first.",
        query=WireType(f"{_TYPES}.skill_list_params:SkillListParams"),
        answer=_SKILL,
        is_list=True,
    ),
    Endpoint("skills.retrieve", "GET", _ONE, retrieve, "Read a skill.", answer=_SKILL, worker=True),
    Endpoint(
        "skills.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete a skill with all of its versions.",
        answer=WireType(f"{_TYPES}.beta_deleted_skill:BetaDeletedSkill"),
    ),
    Endpoint(
        "skills.versions.create",
        "POST",
        _VERSIONS,
        create_version,
        "Add a version to a skill.",
        body=WireType(f"{_HERE}:SkillVersionUploadForm"),
        body_media="multipart/form-data",
        answer=_VERSION,
        raw_body=True,
        transaction=False,
    ),
    Endpoint(
        "skills.versions.list",
        "GET",
        _VERSIONS,
        list_versions,
        "List a skill's versions, newest first.",
        query=WireType(f"{_HERE}:SkillVersionListQuery"),
        answer=_VERSION,
        is_list=True,
    ),
    Endpoint(
        "skills.versions.retrieve",
        "GET",
        _ONE_VERSION,
        retrieve_version,
        "Read a version, or the latest.",
        answer=_VERSION,
        worker=True,
    ),
    Endpoint(
        "skills.versions.download",
        "GET",
        f"{_ONE_VERSION}/content",
        download_version,
        "Download a version as a zip archive.",
        answer_media="application/zip",
        worker=True,
    ),
    Endpoint(
        "skills.versions.delete",
        "DELETE",
        _ONE_VERSION,
        delete_version,
        "Delete a version that is not the only one.",
        answer=WireType(f"{_TYPES}.skills.beta_deleted_skill_version:BetaDeletedSkillVersion"),
    ),
)
