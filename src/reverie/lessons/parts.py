"""The parts of a lesson in words: what to do, made as concrete as the sessions were, and what others did instead."""

from collections.abc import Sequence

from reverie.digests.behaviour_name import Situation, read_name
from reverie.digests.vocabulary import describe
from reverie.mining.finding import Finding, Move
from reverie.mining.moves import MOSTLY, NO_MOVE

LONGEST = 200
"""Characters of what to do, and of an example."""


def concrete_act(finding: Finding, action: str) -> str:
    """What was done, in words that an agent can follow: ``action``, and by what it was done.

    A form that accounts for two thirds is the act; else the two or three commonest stand with their shares. What is a
    form of something that people have a name for bears that name, too.
    """
    moment = finding.hypothesis.situation
    if finding.form_of:
        return cut(f"{_worded(moment, finding.form_of)}: {action}")
    if not finding.members:
        return cut(action)
    first = finding.members[0]
    if first.share >= MOSTLY:
        return cut(f"{action}: {_worded(moment, first.name)} ({first.share:.0%} of those who did)")
    return cut(f"{action}: {_listed(moment, finding.members)}")


def told_instead(finding: Finding) -> str:
    """What those who did not do it did at the moment, with shares, the commonest first; empty where that is unknown."""
    return _listed(finding.hypothesis.situation, finding.others)


def cut(text: str) -> str:
    """On one line, and no longer than an agent needs; code that is cut stays code."""
    line = " ".join(text.split())
    if len(line) <= LONGEST:
        return line
    kept = line[: LONGEST - 2].rstrip()
    return f"{kept}…`" if kept.count("`") % 2 else f"{kept}…"


def _listed(moment: Situation, moves: Sequence[Move]) -> str:
    named = [(_worded(moment, move.name), move.share) for move in moves]
    return ", ".join(f"{words} ({share:.0%})" for words, share in named)


def _worded(moment: Situation, name: str) -> str:
    if name == NO_MOVE:
        return "nothing further"
    # The moment is said once, by the lesson: of a first action only its own words are wanted.
    return describe(moment, read_name(name)).action.removeprefix("first " if moment.kind == "start" else "")
