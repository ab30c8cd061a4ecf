"""Skills: directories of files that teach an agent something, in versions."""

import asyncio
from typing import Any

from starlette.responses import Response
from typing_extensions import TypedDict

from reverie.agents.skill_bundle import MOST_BYTES, SkillBundle, SkillFile, read_bundle, zip_bundle
from reverie.api.endpoint import endpoint
from reverie.api.multipart import files_of, open_form, text_of
from reverie.api.pages import answer_page, envelope
from reverie.api.pipeline import finish
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType, WireType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.service import skills as table
from reverie.storage.service.skills import Skill, SkillVersion, version_stamp

_SKILL = SdkType("beta.BetaSkill")
_VERSION = SdkType("beta.skills.BetaSkillVersion")
_CUSTOM = "custom"
_MOST_DISPLAY_CHARACTERS = 255
_ALL = "/v1/skills"
_ONE = "/v1/skills/{skill_id}"
_VERSIONS = f"{_ONE}/versions"
_ONE_VERSION = f"{_VERSIONS}/{{version}}"


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


@endpoint(
    "skills.create",
    "POST",
    _ALL,
    body=WireType(SkillUploadForm),
    body_media="multipart/form-data",
    answer=_SKILL,
    raw_body=True,
    transaction=False,
)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make a skill from its files."""
    bundle, archive, label = await _read_upload(context, SkillUploadForm)
    skill_id = new_id("skill", context.now)
    async with context.database.connection() as connection:
        context.open_connection = connection
        await table.insert_skill(connection, skill_id, bundle.name, label or bundle.name, context.now)
        version = SkillVersion(new_id("skillver", context.now), skill_id, bundle.name, bundle.description, context.now)
        await table.insert_version(connection, version, archive)
        context.resource_id = skill_id
        await finish(context, "skills.create")
        return wire_skill(await table.read_skill(connection, skill_id))


@endpoint(
    "skills.versions.create",
    "POST",
    _VERSIONS,
    body=WireType(SkillVersionUploadForm),
    body_media="multipart/form-data",
    answer=_VERSION,
    raw_body=True,
    transaction=False,
)
async def create_version(context: RequestContext) -> dict[str, Any]:
    """Add a version to a skill.

    The name of a skill stays.
    """
    bundle, archive, _ = await _read_upload(context, SkillVersionUploadForm)
    async with context.database.connection() as connection:
        context.open_connection = connection
        skill = await table.read_skill(connection, context.path["skill_id"], lock=True)
        if bundle.name != skill.name:
            raise StateError(f"files: this is the skill {bundle.name!r}, not {skill.name!r}; a skill keeps its name")
        version = SkillVersion(new_id("skillver", context.now), skill.id, skill.name, bundle.description, context.now)
        await table.insert_version(connection, version, archive)
        context.resource_id = version.id
        await finish(context, "skills.versions.create")
    return wire_version(version)


async def _read_upload(context: RequestContext, fields: Any) -> tuple[SkillBundle, bytes, str | None]:
    """The skill that was uploaded, its archive, and what to call it."""
    async with open_form(context.request, list(fields.__annotations__), MOST_BYTES) as form:
        label = text_of(form, "display_name") or text_of(form, "display_title")
        if label is not None and (len(label) > _MOST_DISPLAY_CHARACTERS or len(label.splitlines()) > 1):
            raise InputError(f"display_name: one line of at most {_MOST_DISPLAY_CHARACTERS} characters")
        uploads = [SkillFile(file.filename or "", await file.read()) for file in files_of(form, "files")]
    bundle = await asyncio.to_thread(read_bundle, uploads)
    return bundle, await asyncio.to_thread(zip_bundle, bundle), label


@endpoint("skills.retrieve", "GET", _ONE, answer=_SKILL, worker=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a skill."""
    return wire_skill(await table.read_skill(context.connection, context.path["skill_id"]))


@endpoint("skills.list", "GET", _ALL, query=SdkType("beta.SkillListParams"), answer=_SKILL, is_list=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List skills, newest first.

    All of them are custom ones.
    """
    if context.query.get("source", _CUSTOM) != _CUSTOM:
        return envelope([], None)
    return await answer_page(
        context.query, wire_skill, lambda before, limit: table.list_skills(context.connection, before, limit)
    )


@endpoint("skills.delete", "DELETE", _ONE, answer=SdkType("beta.BetaDeletedSkill"))
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete a skill with all of its versions."""
    await table.delete_skill(context.connection, context.path["skill_id"])
    return {"id": context.path["skill_id"], "type": "skill_deleted"}


@endpoint("skills.versions.retrieve", "GET", _ONE_VERSION, answer=_VERSION, worker=True)
async def retrieve_version(context: RequestContext) -> dict[str, Any]:
    """Read a version, or the latest."""
    return wire_version(await table.read_version(context.connection, context.path["skill_id"], context.path["version"]))


@endpoint(
    "skills.versions.list", "GET", _VERSIONS, query=WireType(SkillVersionListQuery), answer=_VERSION, is_list=True
)
async def list_versions(context: RequestContext) -> dict[str, Any]:
    """List a skill's versions, newest first."""
    skill = await table.read_skill(context.connection, context.path["skill_id"])
    return await answer_page(
        context.query,
        wire_version,
        lambda before, limit: table.list_versions(context.connection, skill, before, limit),
    )


@endpoint("skills.versions.download", "GET", f"{_ONE_VERSION}/content", answer_media="application/zip", worker=True)
async def download_version(context: RequestContext) -> Response:
    """Download a version as a zip archive."""
    version = await table.read_version(context.connection, context.path["skill_id"], context.path["version"])
    archive = await table.read_archive(context.connection, version)
    headers = {"content-disposition": f'attachment; filename="{version.name}.zip"'}
    return Response(archive, headers=headers, media_type="application/zip")


@endpoint("skills.versions.delete", "DELETE", _ONE_VERSION, answer=SdkType("beta.skills.BetaDeletedSkillVersion"))
async def delete_version(context: RequestContext) -> dict[str, Any]:
    """Delete a version that is not the only one."""
    skill = await table.read_skill(context.connection, context.path["skill_id"], lock=True)
    version = await table.read_version(context.connection, skill.id, context.path["version"])
    await table.delete_version(context.connection, version)
    return {"id": version.id, "type": "skill_version_deleted"}
