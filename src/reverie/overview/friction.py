"""Where it goes wrong between users and the agent: what can be said of sessions that nobody scored.

Counts and the users' own words, grouped by what the agent had just done. It describes; nothing in it is an effect.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from reverie.digests.derived.occurrence import MESSAGE, Kind, Occurrence
from reverie.digests.derived.signal import SIGNALS, value_of
from reverie.display_name import shown_name
from reverie.ids import event_id
from reverie.overview.likeness import groups_of, most_typical, wording_of
from reverie.overview.reaction import TracedSession

FrictionKind = Literal[
    "correction", "denial", "interruption", "frustration", "repetition", "abandonment", "refusal", "escalation", "error"
]

_KINDS: dict[Kind, FrictionKind] = {
    "correction": "correction",
    "denial": "denial",
    "interruption": "interruption",
    "frustration": "frustration",
    "request repeated": "repetition",
    "refusal": "refusal",
    "escalation": "escalation",
    "error": "error",
    "ended on question": "abandonment",
    "ended on error": "abandonment",
    "ended on running tool": "abandonment",
}
_ORDER: tuple[FrictionKind, ...] = (
    "correction", "denial", "interruption", "frustration", "repetition",
    "abandonment", "error", "refusal", "escalation",
)  # fmt: skip
_OF_USERS = frozenset({"correction", "denial", "interruption", "frustration", "repetition"})
_BY_FAMILY = frozenset({"repetition", "refusal", "escalation"})
"""Kinds that are grouped by what was asked for: what the agent had just done tells nothing there."""
_SIGNALS_OF = {
    kind: tuple(signal.name for signal in SIGNALS.values() if kind in signal.kinds)
    for kind in {kind for signal in SIGNALS.values() for kind in signal.kinds}
}
"""The signals that occurrences of a kind go into."""
_MOST_CLUSTERS = 6
_MOST_QUOTES, _MOST_ASKED, _MOST_FAMILIES = 3, 4, 3
_LEAST_SESSIONS = 3
"""In which an error or an abandonment recurs before it is worth a line; what users say is, each time."""


class Quote(msgspec.Struct, frozen=True):
    """What somebody said, or a tool printed, and where."""

    session_id: str
    event_id: str
    words: str


class Wish(msgspec.Struct, frozen=True):
    """A change that users asked for, in the words of one of them."""

    words: str
    times: int
    """How many said so in these or like words."""
    sessions: int
    against: bool
    """Whether it says what is not to be done."""


class FamilyCount(msgspec.Struct, frozen=True):
    """How often in sessions of one task family."""

    family: str
    times: int


class FrictionCluster(msgspec.Struct, frozen=True):
    """Friction of one kind after the agent had done one thing."""

    kind: FrictionKind
    action: str
    """What the agent had just done; of an error, what failed."""
    target: str
    """To what, where it shows; of an error, its class."""
    headline: str
    """All of it in a sentence."""
    times: int
    sessions: int
    users: int | None
    """Different users; None where no session of the report names its user."""
    families: tuple[FamilyCount, ...]
    """The task families in which it was commonest; sessions without one are left out."""
    asked: tuple[Wish, ...]
    examples: tuple[Quote, ...]


class SignalSummary(msgspec.Struct, frozen=True):
    """One signal over all sessions of the report."""

    name: str
    meaning: str
    known: int
    """Sessions in which it is known."""
    shown: int
    """Of these, sessions in which it is not 0."""
    mean: float


class FrictionReport(msgspec.Struct, frozen=True):
    """Where it goes wrong between users and the agent, in sessions as they are."""

    sessions: int
    answered: int
    """Sessions in which the user spoke again after the agent had acted: only these can hold a correction."""
    users: int | None
    """Different users; None where no session names its user."""
    unread: dict[str, int]
    """Sessions whose words were not read, by language (empty where it could not be told)."""
    signals: tuple[SignalSummary, ...]
    clusters: tuple[FrictionCluster, ...]
    unshown: int = 0
    """Clusters beyond the commonest of their kind, which are left out of ``clusters``."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be seen, in sentences."""
        notes = []
        if self.sessions and self.answered < self.sessions:
            silent = self.sessions - self.answered
            notes.append(f"in {silent:,} of {self.sessions:,} sessions the user never spoke after the agent had acted")
        if self.unread:
            named = ", ".join(f"{language or 'unknown'}: {count:,}" for language, count in sorted(self.unread.items()))
            notes.append(f"corrections, thanks and anger were not read for want of a lexicon or a language ({named})")
        if self.unshown:
            notes.append(f"{self.unshown:,} rarer kinds of friction are left out")
        if self.users is None and self.sessions:
            notes.append("no session names its user, so one busy user may stand behind all of it")
        return tuple(notes)


def find_friction(sessions: Sequence[TracedSession]) -> FrictionReport:
    """Group what users objected to, what failed and where sessions were left; deterministic."""
    users = {session.user_id for session in sessions if session.user_id is not None}
    groups: dict[tuple[FrictionKind, str, str], list[tuple[TracedSession, Occurrence]]] = {}
    for session in sessions:
        for occurrence in session.trace.occurrences:
            kind = _KINDS.get(occurrence.kind)
            if kind is not None:
                groups.setdefault((kind, *_group(kind, session, occurrence)), []).append((session, occurrence))
    clusters = [_cluster(*key, members, known=bool(users)) for key, members in groups.items()]
    worth = [c for c in clusters if c.kind in _OF_USERS or c.sessions >= _LEAST_SESSIONS]
    worth.sort(key=lambda c: (_ORDER.index(c.kind), -c.times, c.action, c.target))
    shown = [c for kind in _ORDER for c in [x for x in worth if x.kind == kind][:_MOST_CLUSTERS]]
    unread = Counter(s.trace.language for s in sessions if s.trace.turns and not s.trace.words_read)
    return FrictionReport(
        sessions=len(sessions),
        answered=sum(any(step > 0 for step in session.trace.turns) for session in sessions),
        users=len(users) if users else None,
        unread=dict(unread),
        signals=tuple(_summaries(sessions)),
        clusters=tuple(shown),
        unshown=len(worth) - len(shown),
    )


def _group(kind: FrictionKind, session: TracedSession, occurrence: Occurrence) -> tuple[str, str]:
    """What occurrences of one kind are grouped by: an action, and what it was done to or how it failed."""
    if kind in _BY_FAMILY:
        return "", session.family
    return occurrence.action, occurrence.kind if kind == "abandonment" else occurrence.target


def _summaries(sessions: Sequence[TracedSession]) -> Iterable[SignalSummary]:
    # Most sessions show few signals, so only those shown are looked at: the others are 0, or unknown.
    told: dict[str, list[float]] = {name: [] for name in SIGNALS}
    for trace in (session.trace for session in sessions if session.trace.occurrences):
        for name in {name for each in trace.occurrences for name in _SIGNALS_OF.get(each.kind, ())}:
            value = value_of(SIGNALS[name], trace)
            if value is not None:
                told[name].append(value)
    unread = sum(bool(session.trace.turns) and not session.trace.words_read for session in sessions)
    for signal in SIGNALS.values():
        values = told[signal.name]
        known = len(sessions) - (unread if signal.rests_on_words else 0)
        known = len(values) if signal.made == "last" else known
        if values:
            shown = sum(value != 0 for value in values)
            yield SignalSummary(signal.name, signal.meaning, known, shown, sum(values) / known)


def _cluster(
    kind: FrictionKind, action: str, target: str, members: list[tuple[TracedSession, Occurrence]], *, known: bool
) -> FrictionCluster:
    users = {session.user_id for session, _ in members if session.user_id is not None}
    families = Counter(session.family for session, _ in members if session.family)
    asked = _wishes(members) if kind in _OF_USERS else ()
    sessions = len({session.id for session, _ in members})
    counted = (len(members), sessions, len(users) if known else None)
    return FrictionCluster(
        kind=kind,
        action=action,
        target=target,
        headline=_headline(kind, action, target, counted, asked),
        times=len(members),
        sessions=sessions,
        users=counted[2],
        families=tuple(FamilyCount(name, count) for name, count in families.most_common(_MOST_FAMILIES)),
        asked=asked,
        examples=tuple(_quotes(members)),
    )


def _wishes(members: Sequence[tuple[TracedSession, Occurrence]]) -> tuple[Wish, ...]:
    """What users said, like words together; what was said once comes last and only to fill up."""
    told = [(session, occurrence.quote) for session, occurrence in members if occurrence.quote]
    # The same few words are said again and again.
    read = {key: wording_of(*key) for key in {(quote, session.trace.language) for session, quote in told}}
    wordings = [read[quote, session.trace.language] for session, quote in told]
    wishes = []
    for group in groups_of(wordings):
        quotes = [told[i][1] for i in group]
        wishes.append(
            Wish(
                words=quotes[most_typical(quotes)],
                times=len(group),
                sessions=len({told[i][0].id for i in group}),
                against=wordings[group[0]].against,
            )
        )
    return tuple(wishes[:_MOST_ASKED])


def _quotes(members: Sequence[tuple[TracedSession, Occurrence]]) -> Iterable[Quote]:
    """Of different sessions; words that were not there before come first."""
    seen: set[str] = set()
    found: list[tuple[int, TracedSession, Occurrence]] = []
    for session, occurrence in members:
        if session.id not in seen:
            words = occurrence.quote.casefold()
            rank = 2 if not words else 1 if words in seen else 0
            seen |= {session.id, words}
            found.append((rank, session, occurrence))
    chosen = sorted(found, key=lambda each: each[0])[:_MOST_QUOTES]
    return [Quote(session.id, event_id(session.id, each.sequence), each.quote) for _, session, each in chosen]


def _headline(
    kind: FrictionKind, action: str, target: str, counted: tuple[int, int, int | None], asked: Sequence[Wish]
) -> str:
    times, sessions, users = counted
    often = "once" if times == 1 else f"{times:,} times"
    where = f"in {_counted(sessions, 'session')}" + (f", {_counted(users, 'user')}" if users else "")
    about = f" when asked to {shown_name(target)}" if target else ""
    said = {
        "correction": f"Users corrected the agent {often} {_done(action, target)}",
        "denial": f"Users turned the agent's call down {often}: {_named(action, target)}",
        "interruption": f"Users stopped the agent {often} {_done(action, target)}",
        "frustration": f"Users got angry {often} {_done(action, target)}",
        "repetition": f"Users asked the same again within a week {often}{about}",
        "refusal": f"The agent said {often} that it cannot be done{about}",
        "escalation": f"The agent referred the case to a person {often}{about}",
        "error": f"{_named(action, '')} failed {often} with “{shown_name(target)}”",
        "abandonment": f"{_counted(times, 'session')} {_LEFT.get(target, target)}",
    }[kind]
    if kind == "abandonment":
        return f"{said} {_named(action, '')}" if target != "ended on question" and action else said
    against = sum(wish.times for wish in asked if wish.against and wish.times > 1)
    return f"{said} ({where})" + (f"; {against:,} said not to" if against else "")


_LEFT = {
    "ended on question": "ended on the agent's question",
    "ended on error": "ended on an error",
    "ended on running tool": "ended while a tool was running:",
}


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _done(action: str, target: str) -> str:
    if not action:
        return "before it had done anything"
    return "after it had written to them" if action == MESSAGE else f"after {_named(action, target)}"


def _named(action: str, target: str) -> str:
    if action == MESSAGE:
        return "its message to the user"
    language, _, command = action.partition(":")
    told = command if language in ("bash", "sql", "python") and command else action or "no tool"
    return f"`{shown_name(told)}` on a {shown_name(target)}" if target else f"`{shown_name(told)}`"
