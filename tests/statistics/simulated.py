"""Corpora with known effects, made without transcripts: the ground truth of the statistics alone."""

import numpy as np

from reverie.statistics.corpus import Corpus, Floats, read_observable


class Simulation:
    """Tasks of different difficulty, behaviours shown at random, rewards with known causes."""

    def __init__(self, seed: int, *, tasks: int = 100, per_task: int = 20, behaviours: int = 40) -> None:
        self.generator = np.random.default_rng(seed)
        self.task = np.repeat(np.arange(tasks), per_task)
        self.difficulty = self.generator.uniform(0.25, 0.65, tasks)[self.task]
        n = len(self.task)
        share = self.generator.uniform(0.15, 0.6, behaviours)
        self.shown = self.generator.random((n, behaviours)) < share
        self.expected = self.difficulty.copy()
        self.variant = np.zeros(n, np.int64)

    def cause(self, behaviour: int, effect: float) -> None:
        """Showing the behaviour adds ``effect`` to the expected reward."""
        self.expected = self.expected + effect * self.shown[:, behaviour]

    def confound(self, behaviour: int) -> None:
        """The behaviour is shown in hard tasks and does nothing."""
        self.shown[:, behaviour] = self.generator.random(len(self.task)) < np.where(self.difficulty < 0.45, 0.7, 0.15)

    def corpus(self, rewards: Floats | None = None) -> Corpus:
        """Draw 0/1 rewards (unless given) and lay the sessions out."""
        n, behaviours = self.shown.shape
        reward = rewards
        if reward is None:
            reward = (self.generator.random(n) < np.clip(self.expected, 0, 1)).astype(np.float64)
        session, code = np.nonzero(self.shown)
        return Corpus(
            session_ids=[f"s{i}" for i in range(n)],
            reward=reward,
            steps=np.full(n, 10, np.int32),
            task=[f"t{t}" for t in self.task],
            category=[None] * n,
            variant=[f"v{v}" for v in self.variant],
            entry_session=session.astype(np.int32),
            entry_code=code.astype(np.int32),
            entry_step=self.generator.integers(0, 10, len(session)).astype(np.int32),
            names=[read_observable("session", f"call:b{i}", "choice") for i in range(behaviours)],
        )
