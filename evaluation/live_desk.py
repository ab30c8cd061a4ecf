"""Sessions of the SQL agent without a server: what it does with a briefing, and what that earns."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from random import Random

import msgspec

from evaluation.closed_loop import HARDNESS
from evaluation.sql_agent import draw_habits, next_query
from evaluation.sql_world import SqlWorld, Task, run_query

_FRAME = "<reverie-guidance>\n{}\n</reverie-guidance>"


class SqlDesk:
    """A world whose questions are put to the agent; what a session earns is computed once per question and habits.

    Args:
        locked: whether nobody may read the schema any more: a session that does so earns nothing.
    """

    def __init__(self, world: SqlWorld, *, locked: bool = False) -> None:
        self.name = world.name
        self.tasks = [task for task in world.tasks if task.hardness in HARDNESS]
        self.locked = locked
        self._connections = {db: world.open(db) for db in {task.db for task in self.tasks}}
        self._earned: dict[tuple[object, ...], float] = {}

    def close(self) -> None:
        """Close the databases."""
        for connection in self._connections.values():
            connection.close()

    def earn(self, task: Task, briefing: str, case: str) -> float:
        """The reward of a session whose system prompt has the briefing; ``case`` tells it from others alike."""
        habits = draw_habits(briefing, f"{task.question}\nCase {case}.")
        key = (task.db, task.id, self.locked, *habits.values())
        if key not in self._earned:
            self._earned[key] = self._run(task, habits)
        return self._earned[key]

    def _run(self, task: Task, habits: Mapping[str, bool]) -> float:
        connection = self._connections[task.db]
        asked: list[tuple[str, str]] = []
        while (query := next_query(task.question, habits, asked)) is not None:
            if self.locked and "sqlite_master" in query:
                return 0.0
            asked.append((query, run_query(connection, query)[1]))
        wanted, _ = run_query(connection, task.gold)
        given, _ = run_query(connection, asked[-1][0]) if asked else (None, "")
        return float(given is not None and wanted is not None and Counter(given) == Counter(wanted))


class TrueEffect(msgspec.Struct, frozen=True):
    """What advice does to the reward of this agent, by running the same sessions with it and without."""

    alone: float
    among_others: float
    """While each of the others is shown to half of the sessions, in an order by chance."""


def true_effects(desk: SqlDesk, advice: Mapping[str, str], draws: int, random: Random) -> dict[str, TrueEffect]:
    """The effect of each advice, over every task ``draws`` times."""
    effects = {}
    for name, line in advice.items():
        others = [other for key, other in advice.items() if key != name]
        alone, among = [], []
        for number, task in enumerate(desk.tasks * draws):
            drawn = [other for other in others if random.random() < 0.5]
            place = random.randrange(len(drawn) + 1)
            random.shuffle(drawn)
            alone.append(_gain(desk, task, str(number), [], line, 0))
            among.append(_gain(desk, task, str(number), drawn, line, place))
        effects[name] = TrueEffect(statistics.fmean(alone), statistics.fmean(among))
    return effects


def _gain(desk: SqlDesk, task: Task, case: str, others: Sequence[str], line: str, place: int) -> float:
    """What a line adds to a session that is alike in all else."""
    shown = [*others[:place], line, *others[place:]]
    return desk.earn(task, as_briefing(shown), case) - desk.earn(task, as_briefing(others), case)


def as_briefing(lines: Sequence[str]) -> str:
    """Advice as a briefing shows it."""
    return _FRAME.format("\n".join(f"- {line}." for line in lines))


def base_rate(desk: SqlDesk, draws: int) -> float:
    """Success without any memory."""
    return statistics.fmean(desk.earn(task, "", str(number)) for number, task in enumerate(desk.tasks * draws))


def open_desk(world: SqlWorld, *, locked: bool = False) -> closing[SqlDesk]:
    """A desk for as long as the context lasts."""
    return closing(SqlDesk(world, locked=locked))
