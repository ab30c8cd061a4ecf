"""Live trials whose truth is known: sessions of easy and hard tasks, arms drawn with logged probabilities, late scores.

Rewards are 0/1 with mean ``base``; 35 % of their variance is between tasks. Arrays are trials × sessions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reverie.statistics.corpus import Flags, Floats, Ints

BETWEEN_TASKS = 0.35
"""Share of the variance of the reward."""
TASKS = 10
LATE_BY = 100
"""Sessions that pass until a late score is there."""
_EASIER = 0.7
"""An easy task is at most so much of the way from the base to 1, so that there is room for effects."""
_PRIOR = 2.0
"""Sessions that the mean over all tasks weighs in a task's prediction."""


@dataclass(frozen=True)
class TrialWorld:
    """How the sessions of a trial come about."""

    effect: float = 0.0
    """Of the lesson on the chance of success."""
    base: float = 0.6
    probability: float = 0.5
    """Of the lesson to be shown."""
    ramp: tuple[tuple[int, float], ...] = ()
    """Instead: from which session which probability."""
    adjusted: bool = True
    """Whether the reward is predicted from earlier sessions; else 1/2 is taken."""
    late: float = 0.0
    """Share of scores that come late, whatever they are."""
    late_successes: bool = False
    """Whether successes of sessions that were shown the lesson come late, and only these."""
    missing: float = 0.0
    """Share of sessions that stay without a score, which is known after the lag of a late one."""
    missing_if_shown: float = 0.0
    """What is added to that where the lesson is shown."""
    drawn_at: float | None = None
    """The real probability of being shown, if it is not the logged one."""
    drift: float = 0.0
    """What the chance of success loses from the first session to the last."""
    others: tuple[float, ...] = ()
    """Effects of other lessons on trial in the same sessions."""
    changed_at: int = 0
    """The session from which the effect is there."""
    effect_before: float = 0.0
    user_sessions: int = 1
    """Sessions of one user, who has one arm in all of them and an ease of their own if there are several."""
    sessions: int = 1_600


@dataclass(frozen=True)
class Sample:
    """Trials drawn from a world."""

    shown: Flags
    probability: Floats
    """One a session."""
    reward: Floats
    predicted: Floats
    known: Flags
    """False where no score will ever come."""
    lag: Ints
    """How many sessions later the score is there, or known never to come."""

    @cached_property
    def reach(self) -> Floats:
        """b = min(p, 1 − p), one a session."""
        return np.minimum(self.probability, 1 - self.probability)

    @cached_property
    def stakes(self) -> Floats:
        """b·φ, 0 where no score comes."""
        return np.where(self.known, self._stakes(self.reward), 0.0)

    @cached_property
    def best_stakes(self) -> Floats:
        """b·φ if every score spoke for the lesson as much as it can."""
        return self._stakes(self.shown.astype(np.float64))

    def _stakes(self, reward: Floats) -> Floats:
        return (reward - self.predicted) * self.reach / np.where(self.shown, self.probability, self.probability - 1)


def draw(world: TrialWorld, trials: int, generator: np.random.Generator) -> Sample:
    """Trials of a world."""
    size = (trials, world.sessions)
    probability = probabilities(world)
    at = np.arange(world.sessions)
    user = at % (world.sessions // world.user_sessions)
    shown: Flags = (generator.random(size) < (probability if world.drawn_at is None else world.drawn_at))[:, user]
    task = generator.integers(0, TASKS, size)
    effect = np.where(at < world.changed_at, world.effect_before, world.effect)
    chance = np.take_along_axis(ease(world.base, trials, generator), task, 1) + effect * shown
    chance -= world.drift * at / world.sessions
    for other in world.others:
        chance += other * (generator.random(size) < 0.5)
    if world.user_sessions > 1:
        chance += generator.uniform(-0.3, 0.3, size)[:, user]
    reward = (generator.random(size) < chance).astype(np.float64)
    known: Flags = generator.random(size) >= world.missing + world.missing_if_shown * shown
    late = generator.random(size) < world.late
    if world.late_successes:
        late = shown & (reward == 1)
    lag = np.where(late | ~known, LATE_BY, 0)
    predicted = predict(reward, task, known, lag) if world.adjusted else np.full(size, 0.5)
    return Sample(shown, probability, reward, predicted, known, lag)


def draw_batch(effects: Sequence[float], batches: int, sessions: int, generator: np.random.Generator) -> Sample:
    """Batches of lessons tried in the same sessions: one row a lesson, those of a batch beside each other."""
    shown: Flags = generator.random((batches, len(effects), sessions)) < 0.5
    task = generator.integers(0, TASKS, (batches, sessions))
    chance = np.take_along_axis(ease(TrialWorld().base, batches, generator), task, 1)
    chance += np.einsum("l,bls->bs", np.array(effects), shown - 0.5)
    reward = (generator.random((batches, sessions)) < chance).astype(np.float64)
    at_once: Ints = np.zeros(reward.shape, np.int64)
    predicted = predict(reward, task, at_once == 0, at_once)
    batch = np.repeat(np.arange(batches), len(effects))
    rows, lags = shown.reshape(-1, sessions), at_once[batch]
    return Sample(rows, np.full(sessions, 0.5), reward[batch], predicted[batch], lags == 0, lags)


def probabilities(world: TrialWorld) -> Floats:
    """Of the lesson to be shown, one a session."""
    probability = np.full(world.sessions, world.probability)
    for start, step in world.ramp:
        probability[start:] = step
    return probability


def ease(base: float, trials: int, generator: np.random.Generator) -> Floats:
    """Each task's chance of success, trials × tasks: two values, whose mean and variance are as they must be."""
    variance = BETWEEN_TASKS * base * (1 - base)
    above = min(variance**0.5, _EASIER * (1 - base))
    below = variance / above
    easy = generator.random((trials, TASKS)) < below / (above + below)
    return np.asarray(np.where(easy, base + above, base - below), np.float64)


def predict(reward: Floats, task: Ints, known: Flags, lag: Ints) -> Floats:
    """The mean reward of the task's sessions whose scores were there before, shrunken to the mean of all tasks."""
    trials, sessions = reward.shape
    row = np.arange(trials)
    total, count = np.zeros((trials, TASKS)), np.zeros((trials, TASKS))
    all_total, all_count = np.full(trials, 0.5), np.ones(trials)
    scores, tasks = np.ascontiguousarray((reward * known).T), np.ascontiguousarray(task.T)
    comes = {after: np.ascontiguousarray((known & (lag == after)).T) for after in np.unique(lag).tolist()}
    predicted = np.empty((sessions, trials))
    for at in range(sessions):
        where = row, tasks[at]
        predicted[at] = (total[where] + _PRIOR * all_total / all_count) / (count[where] + _PRIOR)
        for after, there in comes.items():
            if (scored := at - after) >= 0:
                where, new = (row, tasks[scored]), there[scored]
                total[where] += new * scores[scored]
                count[where] += new
                all_total += new * scores[scored]
                all_count += new
    return np.ascontiguousarray(predicted.T)
