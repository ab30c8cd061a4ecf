"""Session tables with known causes, made without transcripts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reverie.overview.table import SessionTable, Vectors, blank_signals, make_table
from reverie.statistics.corpus import Corpus, Flags, Floats, Ints, Observable, read_observable

DAY = 86_400.0
FIRST_DAY = 1_767_225_600.0
"""1 January 2026, UTC."""


class TableSimulation:
    """Tasks of different difficulty; tests plant what they look for, then call :meth:`table`."""

    def __init__(self, seed: int, *, tasks: int = 60, per_task: int = 20) -> None:
        self.generator = np.random.default_rng(seed)
        self.task = np.tile(np.arange(tasks), per_task)
        self.size = tasks * per_task
        self.difficulty = self.generator.uniform(0.3, 0.7, tasks)
        self.expected = self.difficulty[self.task].copy()
        self.category = [f"category {t % 4}" for t in self.task]
        self.variant = ["desk 1 small"] * self.size
        self.names: list[Observable] = []
        self.entries: list[tuple[int, int]] = []
        self.actions: list[tuple[int, int]] = []
        self.hand_offs: list[tuple[int, str, str]] = []
        self.steps = self.generator.poisson(10, self.size) + 2
        self.signals = replace(
            blank_signals(self.size),
            started_at=FIRST_DAY + np.arange(self.size) / self.size * 100 * DAY,
        )
        self.vectors: Vectors | None = None

    def coin(self, chance: float | Floats) -> Flags:
        """Which sessions it falls for."""
        flags: Flags = self.generator.random(self.size) < chance
        return flags

    def cause(self, shown: Flags, effect: float) -> None:
        """What was shown adds ``effect`` to the expected reward."""
        self.expected = self.expected + effect * shown

    def show(self, situation: str, name: str, kind: str, sessions: Ints) -> int:
        """Let ``sessions`` show a behaviour (or reach a situation); its code."""
        code = self.code(situation, name, kind)
        self.entries += [(int(session), code) for session in sessions]
        return code

    def code(self, situation: str, name: str, kind: str = "choice") -> int:
        """The code of a behaviour."""
        behaviour = read_observable(situation, name, kind)
        if behaviour not in self.names:
            self.names.append(behaviour)
        return self.names.index(behaviour)

    def act(self, session: int, *tools: str) -> None:
        """Let a session call tools in this order."""
        self.actions += [(session, self.code("session", f"call:{tool}")) for tool in tools]

    def say_openings(self, openings: Sequence[str]) -> None:
        """Give each session its opening."""
        self.signals = replace(self.signals, opening=list(openings))

    def count(self, **counts: Flags | Floats | Ints) -> None:
        """Give each session counts."""
        named = {name: np.asarray(values, np.float64) for name, values in counts.items()}
        self.signals = replace(self.signals, counts={**self.signals.counts, **named})

    def table(self, *, reward: Floats | None = None) -> SessionTable:
        """Draw 0/1 rewards (unless given) and lay the sessions out."""
        drawn = (self.generator.random(self.size) < np.clip(self.expected, 0, 1)).astype(np.float64)
        entries = np.array(sorted(self.entries), np.int32).reshape(-1, 2)
        corpus = Corpus(
            session_ids=[f"s{i:06d}" for i in range(self.size)],
            reward=drawn if reward is None else reward,
            steps=np.asarray(self.steps, np.int32),
            task=[f"t{t}" for t in self.task],
            category=self.category,
            variant=self.variant,
            entry_session=entries[:, 0],
            entry_code=entries[:, 1],
            entry_step=np.zeros(len(entries), np.int32),
            names=self.names,
        )
        return make_table(corpus, self.signals, vectors=self.vectors, actions=self.actions, hand_offs=self.hand_offs)
