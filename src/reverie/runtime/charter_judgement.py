"""What one session shows of a charter's behaviours: a number in [0, 1] for each that it had an occasion for."""

from collections.abc import Callable

import msgspec

from reverie.digests.behaviour_name import SESSION, read_label
from reverie.digests.digest import Digest
from reverie.digests.effect import effect_of, only_asks
from reverie.digests.moments import Call, read_moments
from reverie.digests.predicate import Calls, Proposal, Reading, Says, compile_predicate, reaches
from reverie.digests.transcript import digest_transcript
from reverie.runtime.charter import Charter, CharterBehaviour, Digested, Fired, OutsideIntent, Sign
from reverie.runtime.tool_names import matcher
from reverie.sessions.event import text_of
from reverie.sessions.session import Transcript


class Case(msgspec.Struct, frozen=True):
    """A session as charters look at it."""

    reading: Reading
    digest: Digest | None
    """Where a behaviour asks for it."""
    fired: frozenset[str] | None
    """Rules that held in it; None where it was not run here, so that no rule was asked."""


Measure = Callable[[Case], float | None]
"""How much of a behaviour a session shows; None where it had no occasion to."""


class Judge:
    """A charter made ready to judge sessions."""

    def __init__(self, charter: Charter) -> None:
        self._measures = [(one.name, _of_tasks(one), _measure(one.shows)) for one in charter.behaviours]
        self._digests = any(isinstance(one.shows, Digested) for one in charter.behaviours)

    def judge(self, transcript: Transcript, fired: frozenset[str] | None) -> dict[str, float]:
        """The numbers of a session by the names of behaviours; those that it had no occasion for are left out.

        Args:
            fired: the rules that held in it; None where it was not run here.
        """
        if not self._measures:
            return {}
        reading = Reading(transcript.events, read_moments(transcript.events))
        case = Case(reading, digest_transcript(transcript) if self._digests else None, fired)
        category = transcript.session.task_category or ""
        found = ((name, measure(case)) for name, is_of, measure in self._measures if is_of(category))
        return {name: value for name, value in found if value is not None}


def _of_tasks(behaviour: CharterBehaviour) -> Callable[[str], bool]:
    matches = matcher(behaviour.tasks)
    return lambda category: matches((category,))


def _measure(shows: Sign) -> Measure:
    match shows:
        case Calls() | Says():
            return _predicate(shows)
        case Digested():
            return _digested(shows)
        case Fired():
            return lambda case: None if case.fired is None else float(shows.rule in case.fired)
        case OutsideIntent():
            return _outside_intent


def _predicate(predicate: Calls | Says) -> Measure:
    check = compile_predicate(Proposal("a charter", predicate))

    def measure(case: Case) -> float | None:
        if not reaches(case.reading.moments, predicate):
            return None
        return float(check(case.reading) is not None)

    return measure


def _digested(shows: Digested) -> Measure:
    situation, name = read_label(shows.label)

    def measure(case: Case) -> float | None:
        digest = case.digest
        assert digest is not None
        if situation != SESSION and all(one.situation != situation for one in digest.situations):
            return None
        return float(any((one.situation, one.name) == (situation, name) for one in digest.behaviours))

    return measure


def _outside_intent(case: Case) -> float | None:
    """Of sessions that only ask: the share of calls that were run and change something."""
    opening = next((text_of(event) for event in case.reading.events if event.type == "user.message"), "")
    if not only_asks(opening):
        return None
    calls = [one for one in case.reading.moments if isinstance(one, Call) and one.refused_by is None]
    return sum(effect_of(call) == "changes" for call in calls) / len(calls) if calls else 0.0
