"""Skills and their versions."""

import io
import zipfile
from itertools import count
from typing import Any

from anthropic.types.beta import BetaSkill
from anthropic.types.beta.skills import BetaSkillVersion

from tests.conformance.downloaded import downloaded
from tests.conformance.world import World

_numbers = count()


async def skill(world: World) -> BetaSkill:
    """A fresh skill, whose name no other has."""
    return await world.client.beta.skills.create(files=skill_files(f"refunds-{next(_numbers)}"), display_name="Refunds")


async def create(world: World) -> None:
    made = await skill(world)
    assert made.source.type == "custom"


async def retrieve(world: World) -> None:
    made = await skill(world)
    assert (await world.client.beta.skills.retrieve(made.id)).latest_version_id == made.latest_version_id


async def list_all(world: World) -> None:
    made = await skill(world)
    page = await world.client.beta.skills.list(source="custom", limit=1)
    assert [listed.id for listed in page.data] == [made.id]


async def delete(world: World) -> None:
    made = await skill(world)
    await new_version(world, made.id)
    deleted = await world.client.beta.skills.delete(made.id)
    assert (deleted.id, deleted.type) == (made.id, "skill_deleted")


async def new_version(world: World, skill_id: str) -> BetaSkillVersion:
    """One more version of a skill."""
    latest = await world.client.beta.skills.versions.retrieve("latest", skill_id=skill_id)
    return await world.client.beta.skills.versions.create(skill_id, files=skill_files(latest.name))


async def create_version(world: World) -> None:
    made = await skill(world)
    version = await new_version(world, made.id)
    assert (await world.client.beta.skills.retrieve(made.id)).latest_version_id == version.id


async def retrieve_version(world: World) -> None:
    made = await skill(world)
    version = await world.client.beta.skills.versions.retrieve("latest", skill_id=made.id)
    assert (version.id, version.description) == (made.latest_version_id, "How refunds are made.")


async def list_versions(world: World) -> None:
    made = await skill(world)
    page = await world.client.beta.skills.versions.list(made.id)
    assert [version.id for version in page.data] == [made.latest_version_id]


async def delete_version(world: World) -> None:
    made = await skill(world)
    await new_version(world, made.id)
    deleted = await world.client.beta.skills.versions.delete(made.latest_version_id, skill_id=made.id)
    assert deleted.id == made.latest_version_id


async def download_version(world: World) -> None:
    made = await skill(world)
    content = await world.client.beta.skills.versions.download("latest", skill_id=made.id)
    with zipfile.ZipFile(io.BytesIO(await downloaded(content))) as archive:
        assert any(name.endswith("SKILL.md") for name in archive.namelist())


def skill_files(name: str) -> Any:
    """What is uploaded of a skill of this name."""
    text = f"---\nname: {name}\ndescription: How refunds are made.\n---\nAsk first.\n"
    return [(f"{name}/SKILL.md", text.encode(), "text/markdown")]


EXERCISES = {
    "skills.create": create,
    "skills.retrieve": retrieve,
    "skills.list": list_all,
    "skills.delete": delete,
    "skills.versions.create": create_version,
    "skills.versions.retrieve": retrieve_version,
    "skills.versions.list": list_versions,
    "skills.versions.delete": delete_version,
    "skills.versions.download": download_version,
}
