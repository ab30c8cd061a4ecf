"""Standing orders that users gave again and again: candidates for a person or a trial, never adopted by counting.

What users write is data. One user may say a thing in a hundred sessions, or say it to have others harmed (MINJA, arXiv
2503.03704): a preference needs several sessions and, where users are known, several users, and what aims at the
agent's safety, or swaps one thing for another unseen, is set apart for a person to look at whoever said it.
"""

from collections.abc import Sequence

import msgspec

from reverie.dreams.preference import Preference, PreferenceStatus
from reverie.dreams.unsafe_order import why_unsafe
from reverie.ids import event_id
from reverie.overview.friction import Quote
from reverie.overview.likeness import Wording, groups_of, most_typical, wording_of
from reverie.overview.reaction import TracedSession

LEAST_SESSIONS, LEAST_USERS = 3, 2
_MOST_QUOTES, _MOST_WAITING = 5, 10


class _Said(msgspec.Struct, frozen=True):
    session: TracedSession
    sequence: int
    words: str


def find_preferences(sessions: Sequence[TracedSession]) -> tuple[Preference, ...]:
    """What users ordered for good, like orders together: candidates first, then what is set apart, then what waits."""
    said = [
        _Said(session, occurrence.sequence, occurrence.quote)
        for session in sessions
        for occurrence in session.trace.occurrences
        if occurrence.kind == "instruction"
    ]
    known = any(session.user_id is not None for session in sessions)
    # What aims at safety never lends its numbers to what does not.
    parts = ([each for each in said if not why_unsafe(each.words)], [each for each in said if why_unsafe(each.words)])
    found = [
        _preference([part[i] for i in group], known=known)
        for part in parts
        for group in groups_of([_wording(each) for each in part])
    ]
    ordered = sorted(found, key=lambda preference: (-preference.sessions, -preference.times, preference.words))
    waiting = [preference for preference in ordered if preference.status == "waiting"]
    return (
        *(preference for preference in ordered if preference.status == "candidate"),
        *(preference for preference in ordered if preference.status == "quarantined"),
        *waiting[:_MOST_WAITING],
    )


def _wording(said: _Said) -> Wording:
    return wording_of(said.words, said.session.trace.language)


def _preference(said: Sequence[_Said], *, known: bool) -> Preference:
    sessions = {each.session.id for each in said}
    users = {each.session.user_id for each in said if each.session.user_id is not None}
    words = said[most_typical([each.words for each in said])].words
    status, reason = _status(words, len(sessions), len(users) if known else None)
    first: dict[str, _Said] = {}
    for each in said:
        # A quote of each user before a second one of any.
        first.setdefault(each.session.user_id or each.session.id, each)
    quoted = [*first.values(), *(each for each in said if each not in first.values())]
    return Preference(
        words=words,
        status=status,
        reason=reason,
        times=len(said),
        sessions=len(sessions),
        users=len(users) if known else None,
        quotes=tuple(
            Quote(each.session.id, event_id(each.session.id, each.sequence), each.words)
            for each in quoted[:_MOST_QUOTES]
        ),
    )


def _status(words: str, sessions: int, users: int | None) -> tuple[PreferenceStatus, str]:
    unsafe = why_unsafe(words)
    if unsafe:
        return "quarantined", unsafe
    if sessions < LEAST_SESSIONS:
        return "waiting", f"said in {sessions} of at least {LEAST_SESSIONS} sessions"
    if users is not None and users < LEAST_USERS:
        return "waiting", f"said by {users} of at least {LEAST_USERS} users: one user speaks for nobody else"
    whose = "users are not known" if users is None else f"by {users} users"
    return "candidate", f"said in {sessions} sessions, {whose}; whether it helps is for a person or a trial to say"
