"""Small worlds dreamt over, seed by seed: what is claimed, found, left out and covered."""

import msgspec

from evaluation.in_memory import digest_sessions, dream, make_corpus, world_transcripts
from evaluation.small_worlds import small_world
from reverie.mining.policy import MiningPolicy
from reverie.testing.worlds.world import World


class SmallRun(msgspec.Struct, frozen=True):
    """What one dream over one small world says."""

    world: str
    seed: int
    sessions: int
    adopted: tuple[str, ...]
    """Labels of what was adopted."""
    verdict: str
    """Of ``call:check`` anywhere in the session; empty where it was not reported."""
    right: str
    covered: bool | None
    """Whether the quoted interval of ``call:check`` holds its effect; None where none is quoted."""
    left_out: int
    """Sessions that were counted as cut off or as copies."""
    to_leave_out: int


def run_small(name: str, seed: int, policy: MiningPolicy) -> SmallRun:
    """Make the world of that name and dream over it.

    Raises:
        KeyError: no world of that name.
    """
    made = small_world(name, seed)
    corpus = make_corpus(digest_sessions(world_transcripts(World(name, made.lines, ()))))
    result = dream(corpus, policy).result
    about = next(
        (f for f in result.findings if (f.hypothesis.label, f.hypothesis.category) == ("call:check", None)), None
    )
    quoted = about.deciding if about else None
    return SmallRun(
        world=name,
        seed=seed,
        sessions=len(made.lines),
        adopted=tuple(f.hypothesis.label for f in result.findings if f.verdict == "adopted"),
        verdict=about.verdict if about else "",
        right=made.right,
        covered=None if quoted is None else quoted.low <= made.effect <= quoted.high,
        left_out=len(made.lines) - result.scored,
        to_leave_out=made.left_out,
    )
