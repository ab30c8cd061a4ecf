"""The planted team: what a dream finds of its hand-offs, whether agents can follow it, and who is blamed.

    python -m evaluation.run --only teams

A coordinator that knows nothing but the rendered text of one adopted lesson writes the briefs of the same sessions
again. It follows by one rule for all lessons, from words to what it may say: where the condition names an agent, in the
brief of that agent alone, it says (or leaves out) the one sentence that shares most words with the advice.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from evaluation.blame import BlameRow, judge_rules, planted_failures
from evaluation.followability import Followed, as_told
from evaluation.in_memory import digest_sessions, dream, make_corpus, world_transcripts
from reverie.mining.policy import MiningPolicy
from reverie.testing.worlds.score import score_lessons
from reverie.testing.worlds.team import SENTENCES, WRITER, null_team_world, realised, team_world
from reverie.testing.worlds.world import World

OPTIONS: Mapping[str, tuple[str, bool]] = {
    **{choice: (sentence, True) for choice, sentence in SENTENCES.items()},
    "twice": ("Here is passed on what `search_sources` returned; make no such call.", False),
}
"""What the brief to the writer may say besides the task: the sentence, and what its choice is once it is said."""
_WORD = re.compile(r"[a-z]{4,}")
_EMPTY = frozenset({"when", "that", "this", "with", "from", "will", "what", "have", "make", "same", "agen", "says"})
_STEM = 4


class TeamRun(msgspec.Struct, frozen=True):
    """One dream over the planted team, or over its null twin."""

    seed: int
    found: tuple[str, ...]
    """Planted effects that an adopted lesson states."""
    missed: tuple[str, ...]
    false_words: tuple[str, ...]
    """Adopted lessons that are not true."""
    placebo: int
    followed: tuple[Followed, ...]
    """Adopted lessons by the name of their behaviour, and what whoever follows their words gains."""


def follow(text: str, did: Mapping[str, bool]) -> Mapping[str, bool]:
    """What the coordinator says in its brief to the writer after it has read ``text``, where it had meant ``did``."""
    advice = re.split(r" Others did this instead| Example:", text)[0]
    found = re.match(r"When you call in `([^`]+)`, (.*)", advice)
    agent, act = (found[1], found[2]) if found else (WRITER, advice)
    if agent != WRITER or (not found and advice.startswith("When ")):
        return did
    left, _, instead = act.partition(" instead of ")
    is_left = re.search(r"\bdo not\b", left.lower()) is not None
    words, says = (_stems(instead), True) if is_left and instead else (_stems(left), not is_left)
    shared = {choice: len(words & _stems(sentence)) for choice, (sentence, _) in OPTIONS.items()}
    best = max(shared, key=shared.__getitem__)
    if not shared[best]:
        return did
    return {**did, best: OPTIONS[best][1] == says}


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.lower())} - _EMPTY


def run_team(seed: int, policy: MiningPolicy, *, null: bool = False, sessions: int = 2_000) -> TeamRun:
    """Dream over the team's sessions, and have what is adopted followed."""
    world: World = (null_team_world if null else team_world)(seed, sessions)
    dreamt = dream(make_corpus(digest_sessions(world_transcripts(world))), policy)
    score = score_lessons(world.truths, dreamt.lessons)
    adopted = [lesson for lesson in dreamt.lessons if lesson.status == "adopted"]
    told = [] if null else [(lesson.behaviour_name.text, as_told(lesson)) for lesson in adopted]
    verdicts = {each.truth.behaviour: each.verdict for each in score.rows if each.truth is not None}
    return TeamRun(
        seed=seed,
        found=tuple(name for name, verdict in verdicts.items() if verdict == "found"),
        missed=tuple(name for name, verdict in verdicts.items() if verdict == "missed"),
        false_words=tuple(each.lesson.behaviour for each in score.rows if each.verdict == "false" and each.lesson),
        placebo=dreamt.result.placebo_lessons,
        followed=tuple(Followed(name, each, _realised(seed, each.text, sessions)) for name, each in told),
    )


def _realised(seed: int, text: str, sessions: int) -> float:
    def choose(_: Random, did: Mapping[str, bool]) -> Mapping[str, bool]:
        return follow(text, did)

    return realised(seed, choose, sessions)


def blame(seeds: Sequence[int]) -> list[BlameRow]:
    """Rules of attribution on the team's failures in which a member erred."""
    return judge_rules([failure for seed in seeds for failure in planted_failures(seed)])
