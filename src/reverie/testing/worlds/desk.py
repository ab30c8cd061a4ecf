"""Worlds of a shop's support desk: sessions of its agents, drawn from a setup and put into words."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from reverie.testing.worlds.desk_choices import (
    CATEGORIES,
    STATUSES,
    Columns,
    Numbers,
    draw_columns,
    expected_reward,
    true_effects,
)
from reverie.testing.worlds.desk_session import DeskCase, desk_messages
from reverie.testing.worlds.desk_setups import (
    CONFOUNDED,
    DRIFT,
    FLIPS,
    GRADED,
    HAND_OFF,
    MISSING,
    NULL,
    NULL_VARIANTS,
    PLAIN,
    RARE,
    SHADOWS,
    SIZES,
    SUPPORT_DESK,
    VARIANTS,
    WORDING,
    Setup,
)
from reverie.testing.worlds.world import Line, Stream, World

FIRST_SESSION = datetime(2025, 3, 3, 8, 0, tzinfo=UTC)
BETWEEN_SESSIONS = timedelta(minutes=7)
EASE_SHAPE = 0.8
"""Both parameters of the Beta distribution tasks draw their ease from: more hard and easy ones than middling."""
GRADED_CONCENTRATION = 6.0
"""Sum of the parameters of the Beta distribution that graded rewards are drawn from."""
EVENTS = (10, 25)
"""Events of a session, drawn whatever happens in it; one that has more to tell is as long as that takes."""
BATCH = 2_048
"""Sessions taken from the columns at a time."""


class Roster(msgspec.Struct, frozen=True):
    """Which task each session is and which variant ran it, one entry per session."""

    task: NDArray[np.int64]
    variant: NDArray[np.int64]
    base: Numbers
    """Expected reward before effects."""
    ease: Numbers
    """What the decoys lean on: 0 for the hardest, 1 for the easiest."""


class _Drawn(msgspec.Struct, frozen=True):
    """All that is settled before a session is put into words."""

    prefix: str
    seed: int
    roster: Roster
    columns: Columns
    rewards: Numbers
    """NaN where missing."""
    lengths: NDArray[np.int64]


def support_desk(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """Repeated tasks, rewards 0 or 1; four causes, a flip, two decoys that go with hard tasks, markers and a shadow.

    Args:
        seed: the same seed and sizes give the same world.
        sessions: how many; spread evenly over the tasks.
        tasks: how many, over the four categories in turn.
    """
    return repeated_world(SUPPORT_DESK, seed, sessions, tasks)


def null_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """The same behaviours as :func:`support_desk`, but the outcome depends on the task alone."""
    return repeated_world(NULL, seed, sessions, tasks)


def graded_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """:func:`support_desk` with rewards anywhere between 0 and 1, of the same means."""
    return repeated_world(GRADED, seed, sessions, tasks)


def missing_world(seed: int, sessions: int = 2_000, tasks: int = 100, missing: float = 0.3) -> World:
    """:func:`support_desk` with a share ``missing`` of the sessions unscored, at random."""
    return repeated_world(replace(MISSING, missing=missing), seed, sessions, tasks)


def plain_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """Four causes of 0.16 to 0.20, each of which any session can show, whatever its task."""
    return repeated_world(PLAIN, seed, sessions, tasks)


def sizes_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """Five causes of 0.05 to 0.30, to see from which size on they are found."""
    return repeated_world(SIZES, seed, sessions, tasks)


def confounded_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """What helps is done in hard tasks and what harms in easy ones: a pooled comparison sees little of either."""
    return repeated_world(CONFOUNDED, seed, sessions, tasks)


def flips_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """Two behaviours whose effect has one sign under one condition and the other under another, and none on average."""
    return repeated_world(FLIPS, seed, sessions, tasks)


def shadows_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """Two causes, and behaviours that mostly come with them and change nothing."""
    return repeated_world(SHADOWS, seed, sessions, tasks)


def drift_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """One cause that holds throughout and one, twice as strong, that ends half-way; sessions come in order of time."""
    return repeated_world(DRIFT, seed, sessions, tasks)


def rare_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """A strong cause that one session in 25 shows, and a weak one that most show."""
    return repeated_world(RARE, seed, sessions, tasks)


def wording_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """What helps is a phrase: telling the customer that the trouble is understood."""
    return repeated_world(WORDING, seed, sessions, tasks)


def hand_off_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """What helps is that a second agent takes over; a session with two has two threads."""
    return repeated_world(HAND_OFF, seed, sessions, tasks)


def variant_world(seed: int, tasks: int = 250, variants: int = 8) -> World:
    """Each task once by each of at least two agent variants; good variants do more of everything, one thing helps."""
    return crossed_world(VARIANTS, seed, tasks, variants)


def null_variant_world(seed: int, tasks: int = 250, variants: int = 8) -> World:
    """:func:`variant_world` with nothing that helps: the outcome depends on the task and the variant alone."""
    return crossed_world(NULL_VARIANTS, seed, tasks, variants)


def crossed_world(setup: Setup, seed: int, tasks: int, variants: int) -> World:
    """A world of ``setup`` in which each variant runs each task once."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(tasks * variants)
    task, variant = order // variants, order % variants
    skill = np.linspace(0.0, 1.0, variants)[variant]
    base = _between(setup.base, rng.beta(EASE_SHAPE, EASE_SHAPE, tasks))[task]
    return _world(setup, seed, rng, Roster(task, variant, base + setup.skill * (2 * skill - 1), skill))


def repeated_world(setup: Setup, seed: int, sessions: int, tasks: int) -> World:
    """A world of ``setup`` in which one variant runs every task many times."""
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.arange(sessions) % tasks)
    ease = rng.beta(EASE_SHAPE, EASE_SHAPE, tasks)[task]
    roster = Roster(task, np.zeros(sessions, dtype=np.int64), _between(setup.base, ease), ease)
    return _world(setup, seed, rng, roster)


def _between(bounds: tuple[float, float], share: Numbers) -> Numbers:
    return bounds[0] + (bounds[1] - bounds[0]) * share


def _world(setup: Setup, seed: int, rng: np.random.Generator, roster: Roster) -> World:
    columns = draw_columns(rng, roster.task % len(CATEGORIES), roster.ease, setup.chances)
    expected = expected_reward(roster.base, columns, setup.planted, setup.trouble)
    rewards = _rewards(rng, expected, setup)
    lengths = rng.integers(EVENTS[0], EVENTS[1], len(rewards), endpoint=True)
    drawn = _Drawn(f"{setup.name}-{seed}", seed, roster, columns, rewards, lengths)
    truths = true_effects(roster.base, columns, setup.planted, setup.trouble)
    return World(setup.name, Stream(partial(_lines, drawn)), (*truths, *setup.bystanders))


def _rewards(rng: np.random.Generator, expected: Numbers, setup: Setup) -> Numbers:
    if setup.graded:
        rewards = rng.beta(expected * GRADED_CONCENTRATION, (1 - expected) * GRADED_CONCENTRATION)
    else:
        rewards = (rng.random(len(expected)) < expected).astype(np.float64)
    return np.where(rng.random(len(expected)) < setup.missing, np.nan, rewards)


def _lines(drawn: _Drawn) -> Iterator[Line]:
    rng = Random(drawn.seed)
    for start in range(0, len(drawn.rewards), BATCH):
        part = slice(start, start + BATCH)
        chosen = zip(*(column[part].tolist() for column in drawn.columns.values()), strict=True)
        settled = zip(
            drawn.roster.task[part].tolist(),
            drawn.roster.variant[part].tolist(),
            drawn.rewards[part].tolist(),
            drawn.lengths[part].tolist(),
            strict=True,
        )
        for offset, (flags, (task, variant, reward, length)) in enumerate(zip(chosen, settled, strict=True)):
            did = dict(zip(drawn.columns, flags, strict=True))
            case = DeskCase(start + offset, task, CATEGORIES[task % len(CATEGORIES)], _status(did))
            line = {
                "id": f"{drawn.prefix}-{start + offset:06d}",
                "messages": desk_messages(rng, case, did, length),
                "metadata": _metadata(case, variant),
            }
            if reward == reward:  # not NaN
                line["reward"] = reward
            yield line


def _status(did: Mapping[str, bool]) -> str:
    return next(status for status in STATUSES if did[status])


def _metadata(case: DeskCase, variant: int) -> dict[str, str]:
    return {
        "task_id": f"{case.category}-{case.task // len(CATEGORIES) + 1:03d}",
        "task_category": case.category,
        "agent": "support-desk",
        "agent_version": f"{variant + 1}",
        "model": "made-up",
        "started_at": (FIRST_SESSION + case.number * BETWEEN_SESSIONS).isoformat(),
    }
