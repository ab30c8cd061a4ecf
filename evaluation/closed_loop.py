"""The closed loop: run agents, grade, dream, brief, run again on databases that no session has seen.

    python -m evaluation.closed_loop [--quick] [--json] [--brute-force]

Everything goes through the product: a server process runs the sessions, with a fake Messages server in place of the
model; the agent is a function of the request that a model would see (``sql_agent``), its tool a custom tool that this
program answers, rewards come from a Python grader, the dream and the briefing are the server's own. Data: ``sql-world``
below ``REVERIE_DATA``, else a small world of our own. Numbers of sessions, seeds and the least effect are fixed here,
before anything is run.
"""

import asyncio
import json
import os
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import click
import msgspec
from anthropic.types.beta import BetaDream

from evaluation.sql_agent import HABITS, TOOL, act, next_query
from evaluation.sql_world import SqlWorld, Task, read_world, reward, run_query
from reverie.cli.progress import progress_line
from reverie.client.client import AsyncClient
from reverie.clock import SystemClock
from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Effect, Lesson, Scope
from reverie.memory.memory import Edit
from reverie.settings import Settings
from reverie.storage.learning.dreams import write_lessons
from reverie.storage.memory.memories import apply_edits
from reverie.storage.postgres.database import open_database
from reverie.testing.fake_models import FakeModels
from reverie.testing.server_process import running_server

LEAST_EFFECT = 0.02
"""What the dream's memory has to add to the success rate at least, with the interval above 0."""
TRAIN_DRAWS = 6
TEST_DRAWS = 2
HARDNESS = ("easy", "medium")
AT_ONCE = 16
AGENT = "sql-clerk"

PLANTED: Mapping[str, str] = {
    "foreign lesson": "Before `issue_refund`, call `check_policy` and read the policy of the order",
    "irrelevant lesson": "Use LIKE to match text instead of equals when you compare",
    "wrong lesson": "Do not inspect the schema of the tables before the first query",
}
ARMS = ("none", "none again", "dreamt", *PLANTED)


class Episode(msgspec.Struct, frozen=True):
    """One session and its reward."""

    arm: str
    task: int
    db: str
    draw: int
    reward: float


class Difference(msgspec.Struct, frozen=True):
    """A difference of success rates over the same tasks, with 95 % intervals over tasks and over databases."""

    estimate: float
    by_task: tuple[float, float]
    by_database: tuple[float, float]


class LoopResult(msgspec.Struct, frozen=True):
    """What the loop showed."""

    world: str
    train_sessions: int
    test_sessions: int
    lessons: tuple[str, ...]
    """The advice that the dream adopted."""
    briefing: str
    """What a session of the dreamt arm was shown."""
    success: dict[str, float]
    difference: dict[str, Difference]
    """Each arm's success less that of ``none``."""


class Loop:
    """A server that runs sessions, and this program as their client and environment."""

    def __init__(
        self, world: SqlWorld, client: AsyncClient, agent_id: str, environment_id: str, ended: Callable[[], None]
    ) -> None:
        self._world = world
        self._client = client
        self._agent = agent_id
        self._environment = environment_id
        self._ended = ended
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, arm: str, tasks: Sequence[Task], draws: range, store_id: str | None) -> list[Episode]:
        """Every task ``draws`` times; episodes in the order of the tasks."""
        runs = [self._episode(arm, task, draw, store_id) for task in tasks for draw in draws]
        return list(await asyncio.gather(*runs))

    async def _episode(self, arm: str, task: Task, draw: int, store_id: str | None) -> Episode:
        async with self._room:
            attached: Any = [{"type": "memory_store", "memory_store_id": store_id}] if store_id else []
            metadata = {"task_id": f"{task.db}-{task.id}", "task_category": "sql", "arm": arm}
            session = await self._client.beta.sessions.create(
                agent=self._agent,
                environment_id=self._environment,
                resources=attached,
                metadata=metadata,
            )
            with closing(self._world.open(task.db)) as connection:
                queries = await converse(self._client, connection, session.id, f"{task.question}\nCase {draw}.")
            earned = await asyncio.to_thread(reward, self._world, task, queries)
            await self._client.score(session.id, {"reward": earned})
            self._ended()
            return Episode(arm, task.id, task.db, draw, earned)


async def converse(client: AsyncClient, connection: sqlite3.Connection, session_id: str, text: str) -> list[str]:
    """Put a question, answer the tool's calls until the agents are done; the queries that were made."""
    queries: list[str] = []
    open_calls: dict[str, str] = {}
    events = client.beta.sessions.events
    async with await events.stream(session_id) as stream:
        await events.send(session_id, events=[{"type": "user.message", "content": [{"type": "text", "text": text}]}])
        async for event in stream:
            if event.type == "agent.custom_tool_use":
                open_calls[event.id] = str(event.input.get("query", ""))
            elif event.type == "session.status_idle":
                if event.stop_reason.type != "requires_action":
                    break
                waiting = [call for call in event.stop_reason.event_ids if call in open_calls]
                results = []
                for call in waiting:
                    query = open_calls.pop(call)
                    queries.append(query)
                    rows, shown = run_query(connection, query)
                    results.append(_result(call, shown, is_error=rows is None))
                if results:
                    await events.send(session_id, events=results)
    return queries


def _result(call: str, text: str, *, is_error: bool) -> Any:
    content = [{"type": "text", "text": text}]
    return {"type": "user.custom_tool_result", "custom_tool_use_id": call, "content": content, "is_error": is_error}


def split(world: SqlWorld, hardness: Sequence[str] = HARDNESS) -> tuple[list[Task], list[Task]]:
    """Tasks of the databases that are learnt from, and of those that are kept aside; decided by a seed."""
    names = sorted(world.scripts)
    Random(20261129).shuffle(names)
    learnt = set(names[: len(names) // 2])
    wanted = [task for task in world.tasks if task.hardness in hardness]
    return [task for task in wanted if task.db in learnt], [task for task in wanted if task.db not in learnt]


def chosen(world: SqlWorld, *, quick: bool) -> tuple[list[Task], list[Task]]:
    """The tasks that are run: those that are learnt from, and those that are kept aside."""
    train, test = split(world)
    return (train[:40], test[:40]) if quick else (train, test)


def count_sessions(train: Sequence[Task], test: Sequence[Task]) -> int:
    """How many sessions the loop runs."""
    return len(train) * TRAIN_DRAWS + len(test) * TEST_DRAWS * len(ARMS)


async def close_loop(
    settings: Settings, url: str, world: SqlWorld, ended: Callable[[], None] = lambda: None, *, quick: bool
) -> LoopResult:
    """Run the whole loop against a server; ``ended`` is told of each session that has."""
    train, test = chosen(world, quick=quick)
    async with AsyncClient(url) as client:
        loop = await open_loop(world, client, ended)
        trained = await loop.run("train", train, range(TRAIN_DRAWS), None)
        stores = {"none": None, "none again": None, "dreamt": await _dream(client)}
        for name, advice in PLANTED.items():
            stores[name] = await _plant(client, settings, name, advice)
        episodes = []
        for arm in ARMS:
            first = TRAIN_DRAWS if arm != "none again" else TRAIN_DRAWS + TEST_DRAWS
            episodes += await loop.run(arm, test, range(first, first + TEST_DRAWS), stores[arm])
        lessons = [row async for row in client.lessons(str(stores["dreamt"]), status="adopted")]
    shown = await _briefing(settings, "dreamt")
    return _summary(world, len(trained), episodes, [row.advice for row in lessons], shown)


async def open_loop(world: SqlWorld, client: AsyncClient, ended: Callable[[], None]) -> Loop:
    """The agent and its environment, made on a server."""
    environment = await client.beta.environments.create(name="sql", config={"type": "cloud"})
    schema = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    tool = {"type": "custom", "name": TOOL, "description": "Run a query on the database.", "input_schema": schema}
    agent = await client.beta.agents.create(
        name=AGENT,
        model="habits",
        system="Answer questions with SQL.",
        tools=[tool],  # type: ignore[list-item]
    )
    return Loop(world, client, agent.id, environment.id, ended)


async def _dream(client: AsyncClient) -> str:
    """A store that holds what a dream over the training sessions adopted."""
    store = await client.beta.memory_stores.create(name="dreamt")
    dream = await _ended(client, store.id, "train")
    if dream.status != "completed":
        raise click.ClickException(f"the dream {dream.status}: {dream.error}")
    return store.id


async def _ended(client: AsyncClient, store_id: str, arm: str) -> BetaDream:
    """A dream over an arm's sessions once it has ended."""
    dream = await client.dream(store_id, where=f"metadata.arm = '{arm}'", update=True)
    while (dream := await client.beta.dreams.retrieve(dream.id)).status in ("pending", "running"):  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    return dream


async def _plant(client: AsyncClient, settings: Settings, name: str, advice: str) -> str:
    """A store with one adopted lesson that no dream has found."""
    store = await client.beta.memory_stores.create(name=name)
    effect = Effect(0.1, 0.05, 0.15)
    act_, now = advice[:1].lower() + advice[1:], SystemClock().now()
    lesson = Lesson(
        id=f"lsn_{name.replace(' ', '_')}",
        kind="best_practice",
        scope=Scope(),
        behaviour=f"session | planted:{name}",
        effect=effect,
        q_value=0.01,
        strata_informative=20,
        sessions_with=100,
        sessions_without=100,
        evidence=(),
        status="adopted",
        reason="planted",
        do=act_,
    )
    dream = await _ended(client, store.id, "nobody")  # a lesson names the dream that it is of, and this one finds none
    edit = Edit(lesson_path(lesson), lesson_document(lesson), "planted", lesson_id=lesson.id)
    async with open_database(settings) as database, database.connection() as connection:
        await apply_edits(connection, store.id, [edit], act="write", actor="evaluation", reason="planted", now=now)
        await write_lessons(connection, store.id, dream.id, [lesson])
    return store.id


async def _briefing(settings: Settings, arm: str) -> str:
    query = (
        "SELECT b.text FROM session_briefings b JOIN sessions s ON s.key = b.session_key"
        " WHERE s.metadata ->> 'arm' = %s LIMIT 1"
    )
    async with open_database(settings) as database, database.connection() as connection:
        row = await (await connection.execute(query, [arm])).fetchone()
    return str(row[0]) if row else ""


def _summary(
    world: SqlWorld, trained: int, episodes: Sequence[Episode], lessons: Sequence[str], briefing: str
) -> LoopResult:
    success = {arm: statistics.fmean(e.reward for e in episodes if e.arm == arm) for arm in ARMS}
    base = by_task(episodes, "none")
    differences = {arm: difference(base, by_task(episodes, arm)) for arm in ARMS if arm != "none"}
    return LoopResult(world.name, trained, len(episodes), tuple(lessons), briefing, success, differences)


def by_task(episodes: Sequence[Episode], arm: str) -> dict[tuple[str, int], float]:
    """The mean reward of each task in an arm, by database and task."""
    rewards: dict[tuple[str, int], list[float]] = {}
    for episode in episodes:
        if episode.arm == arm:
            rewards.setdefault((episode.db, episode.task), []).append(episode.reward)
    return {key: statistics.fmean(values) for key, values in rewards.items()}


def difference(base: Mapping[tuple[str, int], float], arm: Mapping[tuple[str, int], float]) -> Difference:
    """The mean difference over tasks; intervals by resampling tasks, and by resampling databases (seeded)."""
    gains = {key: arm[key] - base[key] for key in base}
    databases = sorted({db for db, _ in gains})
    grouped = {db: [gain for (name, _), gain in gains.items() if name == db] for db in databases}
    random = Random(7)
    values = list(gains.values())
    tasks = [statistics.fmean(random.choices(values, k=len(values))) for _ in range(2_000)]
    groups = []
    for _ in range(2_000):
        drawn = [gain for db in random.choices(databases, k=len(databases)) for gain in grouped[db]]
        groups.append(statistics.fmean(drawn))
    return Difference(statistics.fmean(values), _interval(tasks), _interval(groups))


def _interval(means: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(means)
    return ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered)) - 1]


def brute_force(world: SqlWorld, draws: int = 6) -> dict[str, float]:
    """What each habit does to the reward, by running every task with habits at random, without server or memory."""
    random = Random(1)
    rows: list[tuple[dict[str, bool], float]] = []
    connections = {db: world.open(db) for db in world.scripts}
    for task in (task for task in world.tasks if task.hardness in HARDNESS):
        for _ in range(draws):
            habits = {habit: random.random() < 0.5 for habit in HABITS}
            asked: list[tuple[str, str]] = []
            while (query := next_query(task.question, habits, asked)) is not None:
                asked.append((query, run_query(connections[task.db], query)[1]))
            rows.append((habits, reward(world, task, [query for query, _ in asked])))
    return {
        habit: statistics.fmean(r for habits, r in rows if habits[habit])
        - statistics.fmean(r for habits, r in rows if not habits[habit])
        for habit in HABITS
    }


def table(result: LoopResult) -> str:
    """The figures as Markdown."""
    lines = ["| memory | success | less none, 95 % by task | 95 % by database |", "| --- | --- | --- | --- |"]
    for arm in ARMS:
        if arm == "none":
            lines.append(f"| none | {result.success[arm]:.3f} | | |")
            continue
        gain = result.difference[arm]
        task, base = gain.by_task, gain.by_database
        lines.append(
            f"| {arm} | {result.success[arm]:.3f} | {gain.estimate:+.3f} ({task[0]:+.3f} to {task[1]:+.3f})"
            f" | {base[0]:+.3f} to {base[1]:+.3f} |"
        )
    return "\n".join(lines)


async def _watched(settings: Settings, url: str, world: SqlWorld, *, quick: bool) -> LoopResult:
    """The loop, with a line that says how far it is."""
    wanted, done = count_sessions(*chosen(world, quick=quick)), 0
    click.echo(f"{wanted:,} sessions and {1 + len(PLANTED)} dreams, {AT_ONCE} sessions at a time", err=True)
    with progress_line("closed loop") as tell:

        def ended() -> None:
            nonlocal done
            done += 1
            tell(f"{done:,} of {wanted:,} sessions")

        return await close_loop(settings, url, world, ended, quick=quick)


@click.command()
@click.option("--quick", is_flag=True, help="A few tasks only.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON document.")
@click.option("--brute-force", is_flag=True, help="Show which habits matter, without server or memory.")
@click.option("--data", type=click.Path(path_type=Path), envvar="REVERIE_DATA", help="Where sql-world is.")
def main(quick: bool, as_json: bool, brute_force: bool, data: Path | None) -> None:
    """Close the loop and print what it showed."""
    world = read_world(data)
    if brute_force:
        click.echo(json.dumps(_brute_force(world), indent=2))
        return
    with tempfile.TemporaryDirectory(prefix="reverie-loop-") as folder, FakeModels(act) as models:
        os.environ |= {"REVERIE_MODEL": "anthropic:habits", "REVERIE_MODEL_URL": models.url}
        settings = Settings(home=Path(folder) / "home", workers=1)
        with running_server(settings, Path(folder) / "log", "--no-key") as server:
            result = asyncio.run(_watched(settings, server.url, world, quick=quick))
    if as_json:
        click.echo(msgspec.json.encode(result))
        return
    click.echo(f"World {result.world}: {result.train_sessions} sessions to learn from, {result.test_sessions} to test.")
    click.echo("The dream adopted:\n" + "\n".join(f"- {advice}" for advice in result.lessons))
    click.echo(table(result))


_brute_force = brute_force

if __name__ == "__main__":
    main()
