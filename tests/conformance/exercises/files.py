"""Files."""

from anthropic.types.beta import BetaFileMetadata

from tests.conformance.downloaded import downloaded
from tests.conformance.world import World


async def upload_one(world: World) -> BetaFileMetadata:
    """A fresh file."""
    return await world.client.beta.files.upload(
        file=("some/folder/data.csv", b"a,b\n1,2\n", "text/csv"), expires_in_seconds=3600
    )


async def upload(world: World) -> None:
    file = await upload_one(world)
    assert (file.filename, file.mime_type, file.size_bytes) == ("data.csv", "text/csv", 8)
    assert file.expires_at is not None


async def retrieve_metadata(world: World) -> None:
    file = await upload_one(world)
    assert (await world.client.beta.files.retrieve_metadata(file.id)).filename == "data.csv"


async def download(world: World) -> None:
    file = await upload_one(world)
    content = await world.client.beta.files.download(file.id)
    assert await downloaded(content) == b"a,b\n1,2\n"


async def list_all(world: World) -> None:
    file = await upload_one(world)
    page = await world.client.beta.files.list(ids=[file.id, "file_unknown"])
    assert [listed.id for listed in page.data] == [file.id]


async def delete(world: World) -> None:
    file = await upload_one(world)
    deleted = await world.client.beta.files.delete(file.id)
    assert (deleted.id, deleted.type) == (file.id, "file_deleted")


EXERCISES = {
    "files.upload": upload,
    "files.retrieve_metadata": retrieve_metadata,
    "files.download": download,
    "files.list": list_all,
    "files.delete": delete,
}
