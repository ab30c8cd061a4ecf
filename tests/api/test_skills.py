import io
import zipfile
from pathlib import Path

import httpx2
import pytest
from anthropic import APIStatusError, AsyncAnthropic, BadRequestError, NotFoundError
from anthropic.lib.tools import _skills
from anthropic.types.beta import BetaSkill

from tests.api.conftest import Server

Upload = tuple[str, bytes, str]


def skill_files(name: str = "csv-reader", description: str = "Reads tables.") -> list[Upload]:
    document = f"---\nname: {name}\ndescription: {description}\n---\nUse it.\n"
    return [("any/SKILL.md", document.encode(), "text/markdown"), ("any/scripts/run.sh", b"#!/bin/sh\n", "text/plain")]


async def make(client: AsyncAnthropic, name: str = "csv-reader") -> BetaSkill:
    return await client.beta.skills.create(files=skill_files(name))


async def test_a_skill_is_made_from_its_files_and_comes_back_as_a_zip_of_its_name(client: AsyncAnthropic) -> None:
    skill = await client.beta.skills.create(files=skill_files(), display_name="CSV reader")
    assert (skill.display_name, skill.source.type) == ("CSV reader", "custom")
    version = await client.beta.skills.versions.retrieve("latest", skill_id=skill.id)
    assert (version.id, version.name, version.description) == (skill.latest_version_id, "csv-reader", "Reads tables.")
    content = await (await client.beta.skills.versions.download(version.id, skill_id=skill.id)).read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["csv-reader/SKILL.md", "csv-reader/scripts/run.sh"]


async def test_a_downloaded_archive_can_be_uploaded_as_the_next_version(client: AsyncAnthropic) -> None:
    skill = await make(client)
    content = await (await client.beta.skills.versions.download("latest", skill_id=skill.id)).read()
    version = await client.beta.skills.versions.create(skill.id, files=[("skill.zip", content)])
    assert (await client.beta.skills.retrieve(skill.id)).latest_version_id == version.id
    assert await (await client.beta.skills.versions.download(version.id, skill_id=skill.id)).read() == content


async def test_skills_may_share_a_name_and_each_keeps_its_own(client: AsyncAnthropic) -> None:
    skill, same = await make(client), await make(client)
    assert skill.id != same.id
    version = await client.beta.skills.versions.retrieve("latest", skill_id=same.id)
    assert (version.id, version.name) == (same.latest_version_id, "csv-reader")
    with pytest.raises(BadRequestError, match="keeps its name"):
        await client.beta.skills.versions.create(skill.id, files=skill_files("other"))


async def test_the_only_version_cannot_be_deleted_and_others_can(client: AsyncAnthropic) -> None:
    skill = await make(client)
    with pytest.raises(BadRequestError, match="delete the skill instead"):
        await client.beta.skills.versions.delete(skill.latest_version_id, skill_id=skill.id)
    second = await client.beta.skills.versions.create(skill.id, files=skill_files(description="Better."))
    assert (await client.beta.skills.versions.delete(second.id, skill_id=skill.id)).id == second.id
    assert (await client.beta.skills.retrieve(skill.id)).latest_version_id == skill.latest_version_id


async def test_a_deleted_skill_is_gone_with_its_versions(client: AsyncAnthropic) -> None:
    skill = await make(client)
    await client.beta.skills.delete(skill.id)
    with pytest.raises(NotFoundError):
        await client.beta.skills.retrieve(skill.id)
    with pytest.raises(NotFoundError):
        await client.beta.skills.versions.retrieve(skill.latest_version_id, skill_id=skill.id)
    await make(client)


async def test_lists_page_through_skills_and_versions_newest_first(client: AsyncAnthropic) -> None:
    made = [await make(client, f"s{i}") for i in range(3)]
    assert [x.id async for x in client.beta.skills.list(limit=2)] == [x.id for x in made[::-1]]
    assert [x.id async for x in client.beta.skills.list(source="anthropic")] == []
    newer = [(await client.beta.skills.versions.create(made[0].id, files=skill_files("s0"))).id for _ in range(2)]
    listed = [version.id async for version in client.beta.skills.versions.list(made[0].id, limit=2)]
    assert listed == [*newer[::-1], made[0].latest_version_id]


async def test_older_clients_find_their_names_and_address_versions_by_time(
    client: AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    skill = await make(client)
    old = (await http.get(f"/v1/skills/{skill.id}")).json()
    assert old["display_title"] == skill.display_name
    version = (await http.get(f"/v1/skills/{skill.id}/versions/{old['latest_version']}")).json()
    assert (version["id"], version["version"]) == (skill.latest_version_id, old["latest_version"])
    assert (await http.get(f"/v1/skills/{skill.id}/versions/{'9' * 30}")).status_code == 404


async def test_an_unsafe_upload_is_refused_and_nothing_is_kept(client: AsyncAnthropic) -> None:
    with pytest.raises(BadRequestError, match="no path below a directory"):
        await client.beta.skills.create(files=[*skill_files(), ("any/../../x", b"")])
    assert [x.id async for x in client.beta.skills.list()] == []


async def test_a_worker_reads_and_downloads_but_does_not_write(server: Server, client: AsyncAnthropic) -> None:
    skill = await make(client)
    environment = await client.beta.environments.create(name="e")
    agent = await client.beta.agents.create(
        name="reader",
        model="any-model",
        tools=[{"type": "agent_toolset_20260401"}],
        skills=[{"type": "custom", "skill_id": skill.id}],
    )
    await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    async with server.client(await server.key("worker", environment_id=environment.id)) as worker:
        await worker.beta.skills.versions.retrieve("latest", skill_id=skill.id)
        await worker.beta.skills.versions.download(skill.latest_version_id, skill_id=skill.id)
        with pytest.raises(APIStatusError) as refused:
            await worker.beta.skills.delete(skill.id)
    assert refused.value.status_code == 403


async def test_the_official_worker_unpacks_what_it_downloads(client: AsyncAnthropic, tmp_path: Path) -> None:
    skill = await make(client)
    await _skills._download_and_extract(client, skill.id, skill.latest_version_id, tmp_path / "csv-reader")
    assert (tmp_path / "csv-reader" / "SKILL.md").read_text().startswith("---")
    assert (tmp_path / "csv-reader" / "scripts" / "run.sh").stat().st_mode & 0o111
