"""Teams as they are declared, and whose stores are whose."""

from datetime import UTC, datetime

import pytest

from reverie.errors import ConflictError, InputError, NotFoundError
from reverie.storage.memory.clone import clone_store
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.store_places import read_place, require_open
from reverie.storage.memory.stores import create_store, find_store
from reverie.storage.postgres.database import Database
from reverie.storage.service.teams import create_team, delete_team, find_team, list_teams, read_team, team_of_store
from reverie.teams.membership import Member, StorePlace, Team

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAIR = (Member("writer", "writer's notes"), Member("critic"))


async def declare(database: Database, name: str = "desk", members: tuple[Member, ...] = PAIR, store: str = "") -> Team:
    async with database.connection() as connection:
        return await create_team(connection, name, members, store or None, NOW)


async def test_a_team_is_found_by_its_name_its_id_and_its_store(database: Database) -> None:
    team = await declare(database)
    assert team.agents == ("writer", "critic")
    async with database.connection() as connection:
        for found in (await find_team(connection, "desk"), await read_team(connection, team.id)):
            assert found == team
        assert await team_of_store(connection, team.memory_store_id) == team
        assert await list_teams(connection) == [team]


async def test_stores_are_made_where_there_are_none_and_know_whose_they_are(database: Database) -> None:
    team = await declare(database)
    async with database.connection() as connection:
        private = (await find_store(connection, "writer's notes")).id
        assert team.members == (Member("writer", private), Member("critic"))
        assert await read_place(connection, private) == StorePlace(owner="writer")
        assert await read_place(connection, team.memory_store_id) == StorePlace(team="desk")
        assert (await read_policy(connection, team.memory_store_id)).live.mode == "act"


async def test_a_store_that_is_there_keeps_its_policy(database: Database) -> None:
    async with database.connection() as connection:
        store = await create_store(connection, "shared", "", {}, NOW)
    team = await declare(database, store="shared")
    async with database.connection() as connection:
        assert team.memory_store_id == store.id
        assert (await read_policy(connection, store.id)).live.mode == "off"


async def test_a_private_store_stays_private_when_its_team_goes_and_in_another_team(database: Database) -> None:
    team = await declare(database)
    await declare(database, "night", (Member("writer", "writer's notes"), Member("reader")))
    async with database.connection() as connection:
        await delete_team(connection, team.id)
        private = (await find_store(connection, "writer's notes")).id
        assert await read_place(connection, private) == StorePlace(owner="writer")
        with pytest.raises(NotFoundError, match="no team 'desk'"):
            await find_team(connection, "desk")


@pytest.mark.parametrize(
    ("members", "store", "message"),
    [
        ((Member("critic", "writer's notes"), Member("x")), "", "private to the agent 'writer'"),
        ((Member("critic", "desk"), Member("x")), "", "is what the team 'desk' remembers"),
        ((Member("critic", "night"), Member("x")), "", "is what the team 'night' remembers"),
        (PAIR, "writer's notes", "private to the agent 'writer'"),
        (PAIR, "desk", "or one that remembers in"),
    ],
)
async def test_no_store_is_two_agents_or_a_teams_and_an_agents(
    database: Database, members: tuple[Member, ...], store: str, message: str
) -> None:
    await declare(database)
    with pytest.raises(ConflictError, match=message):
        await declare(database, "night", members, store)
    async with database.connection() as connection:
        assert [team.name for team in await list_teams(connection)] == ["desk"]


@pytest.mark.parametrize(
    ("name", "members", "message"),
    [
        (" ", PAIR, "name: give 1 to 256"),
        ("a\nb", PAIR, "name: give 1 to 256"),
        ("x", (Member("a"),), "members: 1 agents; a team has 2 to 20"),
        ("x", tuple(Member(f"a{i}") for i in range(21)), "members: 21 agents"),
        ("x", (Member("a"), Member("a")), "'a' is there twice"),
        ("x", (Member("a"), Member("")), "members.agent"),
        ("x", (Member("a", "s"), Member("b", "s")), "s is given to two agents"),
    ],
)
async def test_a_team_that_breaks_a_rule_is_refused(
    database: Database, name: str, members: tuple[Member, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        await declare(database, name, members)


async def test_an_agents_private_store_is_open_to_it_alone(database: Database) -> None:
    team = await declare(database)
    async with database.connection() as connection:
        stores = [team.memory_store_id, str(team.members[0].memory_store_id)]
        await require_open(connection, stores, "writer")
        for agent in ("critic", None):
            with pytest.raises(NotFoundError, match="it is private"):
                await require_open(connection, stores, agent)


async def test_a_clone_of_a_private_store_is_as_private(database: Database) -> None:
    team = await declare(database)
    async with database.connection() as connection:
        private = str(team.members[0].memory_store_id)
        clone = await clone_store(connection, private, "memstore_copy", "drm_1", None, NOW)
        assert await read_place(connection, clone.id) == StorePlace(owner="writer")
