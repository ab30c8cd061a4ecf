"""Which of the tested patterns the report plots, and what it calls them."""

from collections.abc import Sequence
from typing import Literal

from reverie.digests.behaviour_name import SESSION, read_label, read_name, read_situation, write_label
from reverie.digests.vocabulary import describe
from reverie.display_name import shown_label
from reverie.dreams.dream import LabelledRow, PatternRow

PLOTTED = 25
"""Patterns in the chart at most."""

_REFUSED_AT_LEAST = 8
_SMALLEST_Q = 1e-6

PatternStatus = Literal["adopted", "candidate", "refused"]
_Row = PatternRow | LabelledRow


def status_of(row: PatternRow) -> PatternStatus:
    """What became of the pattern; any verdict that is not ``adopted`` or ``candidate`` is a reason for refusal."""
    if row.verdict == "adopted":
        return "adopted"
    return "candidate" if row.verdict == "candidate" else "refused"


def is_refused(row: PatternRow) -> bool:
    """Whether the pattern was turned down."""
    return status_of(row) == "refused"


def claim_of(row: _Row) -> str:
    """The pattern's name as ``Lesson.behaviour`` writes it, and the task category where it is about one."""
    return f"{shown_label(_label(row))}{_category(row)}"


def claim_in_words(row: _Row) -> str:
    """The same in words; parts between backticks are code."""
    return f"{words_of(_label(row))}{_category(row)}"


def _label(row: _Row) -> str:
    """``situation | behaviour``, or the behaviour alone; rows may hold the label or the behaviour."""
    situation, _ = read_label(row.behaviour)
    if situation != SESSION or row.situation.startswith(SESSION.text):
        return row.behaviour
    return label_of(row.situation, row.behaviour)


def _category(row: _Row) -> str:
    """What a row's situation says beyond its label's: `` (category refunds)``, or nothing."""
    situation = read_label(row.behaviour)[0].text
    beyond = row.situation.removeprefix(situation) if row.situation.startswith(situation) else ""
    return f" {shown_label(beyond.strip())}" if beyond else ""


def label_of(situation: str, behaviour: str) -> str:
    """The label of a situation and a behaviour that are stored apart."""
    return write_label(read_situation(situation), read_name(behaviour))


def words_of(label: str) -> str:
    """A label in words; a name this version of the digest does not know stays as it is.

    Parts between backticks are code.
    """
    try:
        phrase = describe(*read_label(label))
    except KeyError:
        return shown_label(label)
    return f"{phrase.action}, when {phrase.condition}" if phrase.condition else phrase.action


def choose_patterns(rows: Sequence[PatternRow]) -> tuple[PatternRow, ...]:
    """The rows to plot, at most ``PLOTTED``: adopted, then candidates, then refused.

    Adopted ones and candidates come by the size of the effect over q. Refused ones come by the size of what a pooled
    comparison would have claimed, because those are the claims a reader may miss; some room is kept for them.
    """
    drawable = [row for row in rows if row.effect is not None or row.naive_effect is not None]
    refused = sorted(filter(is_refused, drawable), key=_claimed, reverse=True)
    kept = [row for row in drawable if not is_refused(row)]
    kept.sort(key=lambda row: (status_of(row), -_strength(row)))
    kept = kept[: PLOTTED - min(_REFUSED_AT_LEAST, len(refused))]
    return (*kept, *refused[: PLOTTED - len(kept)])


def _strength(row: PatternRow) -> float:
    return abs(row.effect.estimate) / max(row.q_value, _SMALLEST_Q) if row.effect else 0.0


def _claimed(row: PatternRow) -> float:
    return max(abs(row.naive_effect or 0.0), abs(row.effect.estimate) if row.effect else 0.0)
