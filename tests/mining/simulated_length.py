"""Sessions as sequences of actions, with known causes of how long they go on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from reverie.mining.outcome import Measures
from reverie.statistics.corpus import SITUATION_KIND, Corpus, Observable, read_observable

ACTIONS = ("search", "lookup", "ask", "update", "escalate")
LIMITS = (5, 20, 50)
_SECONDS_PER_STEP = 4.0


@dataclass
class LengthWorld:
    """Tasks of different length and difficulty; every step an action at random, so long sessions do more of everything.

    Args:
        shortens: by choice (situation, name), the factor by which making it changes how long the session goes on.
        rewards: by choice, what making it adds to the expected reward.
        ends_on_error: share of sessions that stop at their first error.
    """

    seed: int
    tasks: int = 100
    per_task: int = 20
    shortens: Mapping[tuple[str, str], float] = field(default_factory=dict)
    rewards: Mapping[tuple[str, str], float] = field(default_factory=dict)
    ends_on_error: float = 0.2

    def draw(self) -> tuple[Corpus, Measures]:
        """The sessions, and the seconds and tokens that each took."""
        generator = np.random.default_rng(self.seed)
        task = np.repeat(np.arange(self.tasks), self.per_task)
        length = generator.uniform(4, 12, self.tasks)[task] * generator.lognormal(0, 0.5, task.size)
        ease = generator.uniform(0.3, 0.7, self.tasks)[task]
        names: dict[Observable, int] = {}
        entries: list[tuple[int, int, int]] = []
        steps, good = np.zeros(task.size), np.zeros(task.size)
        for session in range(task.size):
            shown, steps[session] = self._one(generator, length[session])
            entries += [(session, names.setdefault(name, len(names)), step) for name, step in shown.items()]
            made = {(name.situation.text, name.name.text) for name in shown}
            gain = sum(effect for choice, effect in self.rewards.items() if choice in made)
            good[session] = generator.random() < np.clip(ease[session] + gain, 0, 1)
        seconds = steps * _SECONDS_PER_STEP * generator.lognormal(0, 0.3, task.size)
        columns = np.array(entries, np.int32)
        corpus = Corpus(
            session_ids=[f"s{i:06d}" for i in range(task.size)],
            reward=good,
            steps=steps.astype(np.int32),
            task=[f"t{t}" for t in task],
            category=[None] * task.size,
            variant=["v"] * task.size,
            entry_session=columns[:, 0],
            entry_code=columns[:, 1],
            entry_step=columns[:, 2],
            names=list(names),
        )
        return corpus, Measures({"seconds": seconds, "tokens": np.round(steps * steps * 40)})

    def _one(self, generator: np.random.Generator, length: float) -> tuple[dict[Observable, int], int]:
        shown: dict[Observable, int] = {}
        factor, step, awaiting, settings = 1.0, 0, False, 0
        while step < max(1, round(length * factor)):
            late = min(step / 20, 0.5)
            action = ACTIONS[generator.choice(5, p=[0.3 - late / 2, 0.25, 0.2 - late / 4, 0.15, 0.1 + 3 * late / 4])]
            call = f"call:{action}"
            shown.setdefault(read_observable("session", call, "choice"), step)
            for situation in ["start"] * (step == 0) + ["after error"] * awaiting:
                shown.setdefault(read_observable(situation, "", SITUATION_KIND), step)
                shown[read_observable(situation, call, "choice")] = step
                factor *= self.shortens.get((situation, call), 1.0)
            awaiting = False
            if action == "search" and settings < 3:
                limit = f"arg:search.limit={generator.choice(LIMITS)}"
                factor *= self.shortens.get(("session", limit), 1.0) if settings == 0 else 1.0
                shown.setdefault(read_observable("session", limit, "manner"), step)
                settings += 1
            step += 1
            if generator.random() < 0.08 and read_observable("after error", "", SITUATION_KIND) not in shown:
                shown.setdefault(read_observable("session", "error:timeout", "marker"), step)
                shown[read_observable("after error", "", SITUATION_KIND)] = step
                awaiting = True
                if generator.random() < self.ends_on_error:
                    break
        return shown, step
