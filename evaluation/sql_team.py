"""A team of three skills: is a task better off with whom the router sends it to than with the best single agent?

    python -m evaluation.sql_team [--quick] [--json] [--brute-force]

Everything goes through the product: a server process runs the sessions, a fake Messages server stands for the models,
the agents are functions of the request (``sql_skills``), their tool is a custom tool that this program answers. The
coordinator knows nothing of anybody: it leaves every task to the router, which learns from rewards on some databases.
Then the databases that were kept aside: each task by draws of what was learned. Nothing of these sessions is scored on
the server, so nothing of them is learned. Each agent alone needs no server: it is the same function, with the same luck
for the same question. Numbers of sessions, seeds and the least effect are fixed here, before anything is run.
"""

import asyncio
import hashlib
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import click
import msgspec

from evaluation.closed_loop import AT_ONCE, Difference, Episode, by_task, converse, difference, split
from evaluation.sql_agent import TOOL, asked_queries, question_of
from evaluation.sql_skills import AGENTS, FAMILIES, ROWS, family_of, next_step
from evaluation.sql_world import SqlWorld, Task, read_world, reward, run_query
from reverie.cli.progress import progress_line
from reverie.client.client import AsyncClient
from reverie.settings import Settings
from reverie.teams.routing import RoutingPolicy, draw, learn, probabilities
from reverie.teams.routing_report import RoutingCell
from reverie.testing.fake_models import FakeModels, Reply, Request, call, say
from reverie.testing.server_process import running_server

LEAST_EFFECT = 0.02
"""What routing has to add to the best single agent's success at least, on databases that nothing was learned of."""
HARDNESS = ("easy", "medium", "hard", "extra")
TRAIN_DRAWS = 2
TEST_DRAWS = 1
REHEARSED = (1, 2, 6, 12)
"""Draws of each task to learn of."""
COORDINATOR = "clerk"
ROUTED, EVEN = "routed", "even"
_LOOK_SECONDS = 2.0
_SETTLED_SECONDS = 65.0
"""Two looks of the server, each half a minute: the second one has learned of all that the first one read."""


class Family(msgspec.Struct, frozen=True):
    """One family of tasks on the databases that were kept aside."""

    family: str
    tasks: int
    success: dict[str, float]
    """By agent alone, and routed."""
    routed_to: dict[str, float]
    """Share of the draws, as they were at the end of learning."""


class TeamResult(msgspec.Struct, frozen=True):
    """What was seen."""

    world: str
    train_sessions: int
    test_sessions: int
    train_success: dict[str, float]
    """By agent, of the tasks that were drawn for it while learning."""
    best_single: str
    """The agent that did best alone on the databases that were kept aside: whom routing has to beat."""
    success: dict[str, float]
    versus_best: Difference
    versus_even: Difference
    by_database: dict[str, float]
    """Routed less the best single agent."""
    families: tuple[Family, ...]
    reaches_aim: bool
    """Whether routed is better than the best single agent by the least effect, and the interval by database above 0."""


def act(request: Request) -> Reply:
    """The next step of the coordinator, which leaves every task to the router, or of an agent."""
    question = question_of(request).rpartition("\n\n")[2]  # of a child, without the line that says who asks
    if "create_agent" in request.tools:
        return _coordinate(request, question)
    agent = request.system.split("\n", 1)[0].strip()
    asked = [(query, shown) for query, shown in asked_queries(request) if query]
    query = next_step(agent, question.partition("\n")[0], chance(agent, question), asked)
    if query is not None:
        return call(TOOL, {"query": query})
    if "submit_result" in request.tools and not any(one["name"] == "submit_result" for one in request.calls):
        return call("submit_result", {"result": "Done; the last query is the answer."})
    return say("That is my answer.")


def _coordinate(request: Request, question: str) -> Reply:
    done = [one["name"] for one in request.calls]
    if "create_agent" not in done:
        return call("create_agent", {"agent": "auto", "task": question})
    return say("That is the answer.") if "wait_for_agents" in done else call("wait_for_agents", {})


def chance(agent: str, question: str) -> float:
    """Whether an agent has its skill at hand for a question: a number in [0, 1) that both decide."""
    digest = hashlib.sha256(f"{agent}\n{question}".encode()).digest()
    return int.from_bytes(digest[:6]) / float(2**48)


class _Desk:
    """A server with the team, and this program as its client and environment."""

    def __init__(self, world: SqlWorld, client: AsyncClient, place: str, ended: Callable[[], None]) -> None:
        self._world, self._client, self._place, self._ended = world, client, place, ended
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, arm: str, agent_id: str, tasks: Sequence[Task], draws: range, *, score: bool) -> list[Episode]:
        """Every task ``draws`` times; scored on the server or not."""
        runs = [self._episode(arm, agent_id, task, draw, score=score) for task in tasks for draw in draws]
        return list(await asyncio.gather(*runs))

    async def _episode(self, arm: str, agent_id: str, task: Task, draw: int, *, score: bool) -> Episode:
        async with self._room:
            metadata = {"task_id": f"{task.db}-{task.id}", "task_category": family_of(task.question), "arm": arm}
            session = await self._client.beta.sessions.create(
                agent=agent_id, environment_id=self._place, metadata=metadata
            )
            with closing(self._world.open(task.db)) as connection:
                queries = await converse(self._client, connection, session.id, f"{task.question}\nCase {draw}.")
            earned = await asyncio.to_thread(reward, self._world, task, queries)
            if score:
                await self._client.score(session.id, {"reward": earned})
            self._ended()
            return Episode(arm, task.id, task.db, draw, earned)


async def _team(client: AsyncClient) -> dict[str, str]:
    """The ids of the agents and of their coordinator, made on a server."""
    schema = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    tool: Any = {"type": "custom", "name": TOOL, "description": "Run a query on the database.", "input_schema": schema}
    ids = {
        name: (await client.beta.agents.create(name=name, model="skills", system=name, tools=[tool])).id
        for name in AGENTS
    }
    lead = await client.beta.agents.create(
        name=COORDINATOR,
        model="skills",
        system=COORDINATOR,
        multiagent={"type": "coordinator", "agents": list(ids.values())},
        metadata={"reverie_routing": "on"},
    )
    return {**ids, COORDINATOR: lead.id}


async def play(url: str, world: SqlWorld, ended: Callable[[], None] = lambda: None, *, quick: bool) -> TeamResult:
    """Learn, and test on what was kept aside; ``ended`` is told of each session that has."""
    train, test = chosen(world, quick=quick)
    async with AsyncClient(url) as client:
        place = await client.beta.environments.create(name="sql", config={"type": "cloud"})
        desk, ids = _Desk(world, client, place.id, ended), await _team(client)
        trained = await desk.run("train", ids[COORDINATOR], train, range(TRAIN_DRAWS), score=True)
        cells = await _learned(client, ids[COORDINATOR], len(trained))
        draws = range(TRAIN_DRAWS, TRAIN_DRAWS + TEST_DRAWS)
        episodes = await desk.run(ROUTED, ids[COORDINATOR], test, draws, score=False)
    episodes += [one for name in AGENTS for one in alone(world, name, test, draws)]
    return summary(world, len(trained), episodes, cells, test)


async def _learned(client: AsyncClient, coordinator: str, trained: int) -> tuple[RoutingCell, ...]:
    """The routing table once all that has an outcome is learned of."""
    while (await client.agent_routing(coordinator)).draws < trained:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(_LOOK_SECONDS)
    await asyncio.sleep(_SETTLED_SECONDS)
    return (await client.agent_routing(coordinator)).cells


def chosen(world: SqlWorld, *, quick: bool) -> tuple[list[Task], list[Task]]:
    """The tasks that are run: those that are learnt from, and those that are kept aside."""
    train, test = split(world, HARDNESS)
    return (train[:20], test[:20]) if quick else (train, test)


def summary(
    world: SqlWorld, trained: int, episodes: Sequence[Episode], cells: Sequence[RoutingCell], test: Sequence[Task]
) -> TeamResult:
    """The figures of what was played."""
    rewards = {arm: by_task(episodes, arm) for arm in (ROUTED, *AGENTS)}
    rewards[EVEN] = {key: statistics.fmean(rewards[name][key] for name in AGENTS) for key in rewards[ROUTED]}
    success = {arm: statistics.fmean(values.values()) for arm, values in rewards.items()}
    best = max(AGENTS, key=lambda name: success[name])
    versus = difference(rewards[best], rewards[ROUTED])
    gains = {key: rewards[ROUTED][key] - rewards[best][key] for key in rewards[best]}
    databases = sorted({db for db, _ in gains})
    return TeamResult(
        world=world.name,
        train_sessions=trained,
        test_sessions=len(episodes),
        train_success={name: _drawn_mean(cells, name) for name in AGENTS},
        best_single=best,
        success=success,
        versus_best=versus,
        versus_even=difference(rewards[EVEN], rewards[ROUTED]),
        by_database={db: statistics.fmean(gain for (name, _), gain in gains.items() if name == db) for db in databases},
        families=tuple(_family(name, rewards, cells, test) for name in (*FAMILIES, ROWS)),
        reaches_aim=versus.estimate >= LEAST_EFFECT and versus.by_database[0] > 0,
    )


def _drawn_mean(cells: Sequence[RoutingCell], agent: str) -> float:
    drawn = sum(cell.drawn for cell in cells if cell.agent == agent)
    return sum((cell.mean or 0) * cell.drawn for cell in cells if cell.agent == agent) / max(drawn, 1)


def _family(
    name: str,
    rewards: dict[str, dict[tuple[str, int], float]],
    cells: Sequence[RoutingCell],
    test: Sequence[Task],
) -> Family:
    keys = [(task.db, task.id) for task in test if family_of(task.question) == name]
    success = {arm: statistics.fmean(values[key] for key in keys) if keys else 0.0 for arm, values in rewards.items()}
    return Family(name, len(keys), success, {cell.agent: cell.probability for cell in cells if cell.family == name})


def alone(world: SqlWorld, agent: str, tasks: Sequence[Task], draws: range) -> list[Episode]:
    """Every task ``draws`` times by one agent, without a server."""
    episodes = []
    connections = {db: world.open(db) for db in world.scripts}
    for task in tasks:
        for number in draws:
            asked: list[tuple[str, str]] = []
            luck = chance(agent, f"{task.question}\nCase {number}.")
            while (query := next_step(agent, task.question, luck, asked)) is not None:
                asked.append((query, run_query(connections[task.db], query)[1]))
            earned = reward(world, task, [query for query, _ in asked])
            episodes.append(Episode(agent, task.id, task.db, number, earned))
    return episodes


def brute_force(world: SqlWorld, draws: int = 4) -> dict[str, dict[str, float]]:
    """The success of each agent in each family, by running every task, without a server."""
    rows: dict[tuple[str, str], list[float]] = {}
    families = {task.id: family_of(task.question) for task in world.tasks}
    for name in AGENTS:
        for one in alone(world, name, world.tasks, range(draws)):
            rows.setdefault((families[one.task], name), []).append(one.reward)
    return {
        family: {name: statistics.fmean(rows[family, name]) for name in AGENTS if (family, name) in rows}
        for family in (*FAMILIES, ROWS)
    }


class Rehearsal(msgspec.Struct, frozen=True):
    """What many teams would see that learn of so many sessions, by the same draws and outcomes without a server."""

    train_sessions: int
    teams: int
    mean: float
    """Of routed less the best single agent, on the databases that were kept aside."""
    low: float
    high: float
    """Between them lie 95 % of the teams."""


def rehearse(world: SqlWorld, train_draws: int, teams: int) -> Rehearsal:
    """Have many teams learn and be tested, each task's outcome known before the next is drawn."""
    train, test = split(world, HARDNESS)
    outcomes = {
        (name, one.task, one.draw): one.reward
        for name in AGENTS
        for one in [
            *alone(world, name, train, range(train_draws)),
            *alone(world, name, test, range(train_draws, train_draws + 1)),
        ]
    }
    best = max(AGENTS, key=lambda name: sum(outcomes[name, task.id, train_draws] for task in test))
    gains = []
    for seed in range(teams):
        random, policy = Random(seed), RoutingPolicy()
        played = [(task, draw) for task in train for draw in range(train_draws)]
        random.shuffle(played)
        for task, number in played:
            family = family_of(task.question)
            agent = draw(policy, family, AGENTS, random.random()).agent
            policy = learn(policy, family, agent, outcomes[agent, task.id, number])
        chances = {family: probabilities(policy, family, AGENTS) for family in (*FAMILIES, ROWS)}
        gains.append(statistics.fmean(_gain(task, chances, best, outcomes, train_draws) for task in test))
    ordered = sorted(gains)
    low, high = ordered[int(0.025 * teams)], ordered[int(0.975 * teams)]
    return Rehearsal(len(train) * train_draws, teams, statistics.fmean(gains), low, high)


def _gain(
    task: Task,
    chances: dict[str, dict[str, float]],
    best: str,
    outcomes: dict[tuple[str, int, int], float],
    number: int,
) -> float:
    """What routing is expected to earn on a task, less what the best single agent does."""
    shares = chances[family_of(task.question)]
    routed = sum(share * outcomes[name, task.id, number] for name, share in shares.items())
    return routed - outcomes[best, task.id, number]


def table(result: TeamResult) -> str:
    """The figures as Markdown."""
    arms = (*AGENTS, EVEN, ROUTED)
    lines = [f"| family | tasks | {' | '.join(arms)} |", f"| --- | --- |{' --- |' * len(arms)}"]
    rows = [(one.family, one.tasks, one.success) for one in result.families]
    rows.append(("all", sum(one.tasks for one in result.families), result.success))
    lines += [f"| {name} | {tasks} | {' | '.join(f'{by[arm]:.3f}' for arm in arms)} |" for name, tasks, by in rows]
    for told, gain in ((f"routed − {result.best_single}", result.versus_best), ("routed − even", result.versus_even)):
        task, base = gain.by_task, gain.by_database
        lines.append(
            f"{told}: {gain.estimate:+.3f}, 95 % by task {task[0]:+.3f} to {task[1]:+.3f}, "
            f"by database {base[0]:+.3f} to {base[1]:+.3f}"
        )
    verdict = "is" if result.reaches_aim else "is NOT"
    lines.append(f"Routed {verdict} shown better than the best single agent by {LEAST_EFFECT} on unseen databases.")
    return "\n".join(lines)


async def _watched(url: str, world: SqlWorld, *, quick: bool) -> TeamResult:
    """The play, with a line that says how far it is."""
    train, test = chosen(world, quick=quick)
    wanted, done = len(train) * TRAIN_DRAWS + len(test) * TEST_DRAWS, 0
    with progress_line("sql team") as tell:

        def ended() -> None:
            nonlocal done
            done += 1
            tell(f"{done:,} of {wanted:,} sessions")

        return await play(url, world, ended, quick=quick)


@click.command()
@click.option("--quick", is_flag=True, help="A few tasks only.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON document.")
@click.option("--brute-force", "only_skills", is_flag=True, help="Show what each skill is worth, without a server.")
@click.option("--rehearse", "teams", type=int, help="Play so many teams without a server, by sessions learned of.")
@click.option("--data", type=click.Path(path_type=Path), envvar="REVERIE_DATA", help="Where sql-world is.")
def main(quick: bool, as_json: bool, only_skills: bool, teams: int | None, data: Path | None) -> None:
    """Play the team and print what was seen."""
    world = read_world(data)
    if only_skills:
        click.echo(msgspec.json.format(msgspec.json.encode(brute_force(world))))
        return
    if teams is not None:
        for train_draws in REHEARSED:
            click.echo(msgspec.json.encode(rehearse(world, train_draws, teams)))
        return
    with tempfile.TemporaryDirectory(prefix="reverie-team-") as folder, FakeModels(act) as models:
        os.environ |= {"REVERIE_MODEL": "anthropic:skills", "REVERIE_MODEL_URL": models.url}
        settings = Settings(home=Path(folder) / "home", workers=1)
        with running_server(settings, Path(folder) / "log", "--no-key") as server:
            result = asyncio.run(_watched(server.url, world, quick=quick))
    click.echo(msgspec.json.encode(result) if as_json else table(result))


if __name__ == "__main__":
    main()
