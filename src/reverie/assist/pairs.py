"""Pairs of sessions worth reading side by side, and their transcripts cut to size."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from reverie.assist.budget import estimate_tokens
from reverie.digests.tool_error import tool_failed
from reverie.sessions.session import Transcript
from reverie.sessions.transcript import Turn, render_turns
from reverie.statistics.corpus import Corpus, Strata

_TURN_LENGTHS = (2_000, 800, 300, 120)
"""Characters left of each turn, tried in this order until the transcript fits."""
_OPENING_SHARE = 0.3
"""Of the room, when turns have to go: the beginning says what was asked, the end how it went."""


class SessionPair(msgspec.Struct, frozen=True):
    """Two sessions of one stratum, by id, that ended differently."""

    better: str
    worse: str
    gap: float
    """How much more reward the better one earned (0 to 1)."""


def choose_pairs(corpus: Corpus, strata: Strata, most: int) -> tuple[SessionPair, ...]:
    """At most ``most`` pairs, one to a stratum: the widest gaps first, equals in the order of a hash of their ids.

    Only sessions of the discovery part are read: an idea taken from a session that later confirms it would be its own
    witness. Within a stratum the worse session is one of the same agent variant where that is possible. The sessions
    of ``corpus`` must all be scored.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for i, (stratum, kept) in enumerate(zip(strata.code.tolist(), strata.confirmation.tolist(), strict=True)):
        if not kept:
            members[stratum].append(i)
    pairs = [_widest(corpus, sessions) for sessions in members.values()]
    wide = sorted((pair for pair in pairs if pair.gap > 0), key=lambda pair: (-pair.gap, _lot(pair.better)))
    return tuple(wide[:most])


def _widest(corpus: Corpus, sessions: Sequence[int]) -> SessionPair:
    lots = {i: _lot(corpus.session_ids[i]) for i in sessions}
    better = min(sessions, key=lambda i: (-corpus.reward[i], lots[i]))
    worse = min(sessions, key=lambda i: (corpus.reward[i], corpus.variant[i] != corpus.variant[better], lots[i]))
    gap = float(corpus.reward[better] - corpus.reward[worse])
    return SessionPair(corpus.session_ids[better], corpus.session_ids[worse], gap)


def _lot(session_id: str) -> bytes:
    return hashlib.blake2b(session_id.encode("utf-8", "surrogatepass"), digest_size=8, person=b"pairs").digest()


def render_excerpt(transcript: Transcript, most_tokens: int) -> str:
    """The transcript as text of at most about ``most_tokens`` tokens.

    Long turns are shortened in the middle; when that is not enough, turns between beginning and end are left out.
    """
    turns = render_turns(transcript, tool_failed)
    lines: list[str] = []
    for length in _TURN_LENGTHS:
        lines = [_line(turn, length) for turn in turns]
        if sum(map(estimate_tokens, lines)) <= most_tokens:
            return "\n".join(lines)
    opening = _fitting(lines, most_tokens * _OPENING_SHARE)
    end = _fitting(lines[opening:][::-1], most_tokens * (1 - _OPENING_SHARE))
    left_out = len(lines) - opening - end
    return "\n".join([*lines[:opening], f"[{left_out} turns left out]", *lines[len(lines) - end :]])


def _line(turn: Turn, length: int) -> str:
    failed = " (failed)" if turn.is_error and turn.kind != "error" else ""
    label = turn.who if turn.kind == "message" else f"{turn.who}, {turn.kind}{failed}"
    text = turn.text
    if len(text) > length:
        text = f"{text[: length // 2]} […] {text[-(length // 2) :]}"
    return f"{label}: {text}"


def _fitting(lines: Sequence[str], most_tokens: float) -> int:
    """How many lines from the first fit."""
    used = 0
    for number, line in enumerate(lines):
        used += estimate_tokens(line)
        if used > most_tokens:
            return number
    return len(lines)
