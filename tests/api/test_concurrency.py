"""Many threads of official clients against one server process: what is changed meanwhile is there all the same."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, APIStatusError
from cryptography.fernet import Fernet

from reverie.settings import Secret, Settings
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import running_server
from tests.api.test_skills import skill_files
from tests.database_pool import DatabasePool

THREADS = 8
TOOLS: Any = [{"type": "agent_toolset_20260401"}]


@pytest.fixture(scope="module")
def url(database_pool: DatabasePool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("concurrent")
    keys = (Secret(Fernet.generate_key().decode()),)
    with database_pool.database() as database_url:
        settings = Settings(home=folder / "home", database_url=database_url, workers=1, secret_keys=keys)
        with running_server(settings, folder / "log", "--no-key", "--no-agents") as process:
            yield process.url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Anthropic]:
    with Anthropic(api_key="none", base_url=url, max_retries=0, timeout=PATIENCE_SECONDS) as client:
        yield client


def outcomes(acts: Sequence[Callable[[], Any]]) -> Counter[int]:
    """How many of the acts, all done at the same time, ended with each HTTP status."""

    def status(act: Callable[[], Any]) -> int:
        try:
            act()
        except APIStatusError as error:
            return error.status_code
        return 200

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(status, acts))


def agent(client: Anthropic, **fields: Any) -> str:
    return client.beta.agents.create(name="clerk", model="any-model", **fields).id


def environment(client: Anthropic) -> str:
    return client.beta.environments.create(name="desk").id


def rename(client: Anthropic, agent_id: str, **fields: Any) -> Callable[[int], Any]:
    return lambda number: client.beta.agents.update(agent_id, name=f"clerk {number}", **fields)


def each(act: Callable[[int], Any], times: int) -> list[Callable[[], Any]]:
    return [lambda number=number: act(number) for number in range(times)]  # type: ignore[misc]


def mixed(*groups: list[Callable[[], Any]]) -> list[Callable[[], Any]]:
    """One of each group after another, so that they run beside each other."""
    return [act for row in zip(*groups, strict=True) for act in row]


def test_sessions_are_made_of_an_agent_that_is_being_changed(client: Anthropic) -> None:
    clerk, desk = agent(client), environment(client)
    create = each(lambda _: client.beta.sessions.create(agent=clerk, environment_id=desk), 40)
    assert outcomes(mixed(create, each(rename(client, clerk), 40))) == {200: 80}
    assert client.beta.agents.retrieve(clerk).version == 41


def test_changes_of_an_agent_at_once_all_come_to_pass(client: Anthropic) -> None:
    clerk = agent(client)
    assert outcomes(each(rename(client, clerk), 10)) == {200: 10}
    assert [version.version for version in client.beta.agents.versions.list(clerk)] == list(range(11, 0, -1))


def test_of_changes_that_name_the_same_version_one_comes_to_pass(client: Anthropic) -> None:
    clerk = agent(client)
    assert outcomes(each(rename(client, clerk, version=1), 10)) == {200: 1, 409: 9}


def test_runs_of_a_deployment_make_sessions_while_its_agent_changes(client: Anthropic) -> None:
    clerk, desk = agent(client), environment(client)
    deployment = client.beta.deployments.create(
        name="nightly",
        agent=clerk,
        environment_id=desk,
        initial_events=[{"type": "user.message", "content": [{"type": "text", "text": "Go."}]}],
    ).id
    run = each(lambda _: client.beta.deployments.run(deployment), 10)
    repin = each(lambda _: client.beta.deployments.update(deployment, agent=clerk), 10)
    assert outcomes(mixed(run, repin, each(rename(client, clerk), 10))) == {200: 30}
    runs = list(client.beta.deployment_runs.list(deployment_id=deployment))
    assert [made.error for made in runs] == [None] * 10


def test_sessions_are_made_while_what_they_are_given_changes(client: Anthropic) -> None:
    clerk, desk = agent(client), environment(client)
    stores = [client.beta.memory_stores.create(name=name).id for name in ("a", "b")]
    vault = client.beta.vaults.create(display_name="keys").id

    def create(number: int) -> Any:
        order = stores if number % 2 else stores[::-1]
        resources: Any = [{"type": "memory_store", "memory_store_id": store} for store in order]
        return client.beta.sessions.create(agent=clerk, environment_id=desk, resources=resources, vault_ids=[vault])

    def change(number: int) -> None:
        client.beta.environments.update(desk, name=f"desk {number}")
        client.beta.memory_stores.update(stores[number % 2], name=f"store {number}")
        client.beta.vaults.update(vault, display_name=f"keys {number}")

    assert outcomes(mixed(each(create, 16), each(change, 16))) == {200: 32}


def test_an_environment_that_is_deleted_meanwhile_takes_no_session_with_it(client: Anthropic) -> None:
    clerk, desks = agent(client), [environment(client) for _ in range(10)]
    create = each(lambda number: client.beta.sessions.create(agent=clerk, environment_id=desks[number]), 10)
    delete = each(lambda number: client.beta.environments.delete(desks[number]), 10)
    found = outcomes(mixed(create, delete))
    # Whoever comes first: the session, and the environment is in use; or the deletion, and it is not there.
    assert found[200] == 10
    assert found[400] + found[404] == 10


def test_agents_take_a_skill_while_it_gets_versions(client: Anthropic) -> None:
    skill = client.beta.skills.create(files=skill_files()).id
    upload = each(
        lambda number: client.beta.skills.versions.create(skill, files=skill_files(description=f"Reads {number}.")), 8
    )
    use = each(lambda _: agent(client, tools=TOOLS, skills=[{"type": "custom", "skill_id": skill}]), 8)
    assert outcomes(mixed(upload, use)) == {200: 16}


def test_all_versions_of_a_skill_but_one_can_be_deleted_at_once(client: Anthropic) -> None:
    skill = client.beta.skills.create(files=skill_files()).id
    for number in range(5):
        client.beta.skills.versions.create(skill, files=skill_files(description=f"Reads {number}."))
    delete = each(lambda _: client.beta.skills.versions.delete("latest", skill_id=skill), 8)
    assert outcomes(delete) == {200: 5, 400: 3}


def test_writes_to_one_memory_store_take_turns(client: Anthropic) -> None:
    store = client.beta.memory_stores.create(name="notes").id
    memory = client.beta.memory_stores.memories.create(store, path="/a", content="").id
    update = each(
        lambda number: client.beta.memory_stores.memories.update(memory, memory_store_id=store, content=f"{number}"), 10
    )
    create = each(
        lambda number: client.beta.memory_stores.memories.create(store, path=f"/b/{number % 5}", content=""), 10
    )
    assert outcomes(mixed(update, create)) == {200: 15, 409: 5}


def test_patches_of_metadata_do_not_lose_each_other(client: Anthropic) -> None:
    clerk, desk = agent(client), environment(client)
    store, vault = client.beta.memory_stores.create(name="n").id, client.beta.vaults.create(display_name="v").id
    session = client.beta.sessions.create(agent=clerk, environment_id=desk).id
    beta = client.beta
    updates: Sequence[tuple[str, Any, Any]] = (
        (clerk, beta.agents.update, beta.agents.retrieve),
        (desk, beta.environments.update, beta.environments.retrieve),
        (store, beta.memory_stores.update, beta.memory_stores.retrieve),
        (vault, beta.vaults.update, beta.vaults.retrieve),
        (session, beta.sessions.update, beta.sessions.retrieve),
    )
    patches = [
        each(lambda number, id=id, update=update: update(id, metadata={f"k{number}": "v"}), 8)  # type: ignore[misc]
        for id, update, _ in updates
    ]
    assert outcomes(mixed(*patches)) == {200: 40}
    for id, _, retrieve in updates:
        assert set(retrieve(id).metadata) == {f"k{number}" for number in range(8)}


def test_a_thread_is_ended_once(client: Anthropic, url: str) -> None:
    helper = agent(client)
    clerk = agent(client, tools=TOOLS, multiagent={"type": "coordinator", "agents": [helper]})
    session = client.beta.sessions.create(agent=clerk, environment_id=environment(client)).id
    created = {"type": "session.thread_created", "agent_name": "clerk", "session_thread_id": ""}
    body = {"events": [created]}
    answer = httpx2.post(f"{url}/v1/sessions/{session}/record", json=body, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    thread = next(t.id for t in client.beta.sessions.threads.list(session) if t.parent_thread_id is not None)
    archive = each(lambda _: client.beta.sessions.threads.archive(thread, session_id=session), 8)
    assert outcomes(archive) == {200: 8}
    types = [event.type for event in client.beta.sessions.events.list(session)]
    assert types.count("session.thread_status_terminated") == 1
