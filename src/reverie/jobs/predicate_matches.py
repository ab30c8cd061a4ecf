"""Looking for proposed behaviours in sessions: chunks of them go to worker processes, as in digesting."""

import asyncio
from collections.abc import Mapping, Sequence

from reverie.digests.predicate import Match, Proposal, evaluate_predicates
from reverie.jobs.workers import Workers
from reverie.sessions.session import Session, Transcript
from reverie.storage.sessions.stored_events import read_events

_SESSIONS_PER_CALL = 200


def find_matches(url: str, ids: Mapping[int, str], proposals: Sequence[Proposal]) -> list[Match]:
    """Where the sessions (key → id) show the proposals; runs in a worker, with a connection of its own."""
    transcripts = (Transcript(Session(ids[key], source=""), events) for key, events in read_events(url, list(ids)))
    return evaluate_predicates(transcripts, proposals)


async def find_all_matches(
    workers: Workers, url: str, ids: Mapping[int, str], proposals: Sequence[Proposal]
) -> list[Match]:
    """The same for any number of sessions, sorted by behaviour and else in their order."""
    if not proposals:
        return []
    keys = list(ids)
    chunks = [keys[i : i + _SESSIONS_PER_CALL] for i in range(0, len(keys), _SESSIONS_PER_CALL)]
    executor, loop = workers.executor(len(keys)), asyncio.get_running_loop()
    waiting = [
        loop.run_in_executor(executor, find_matches, url, {key: ids[key] for key in chunk}, proposals)
        for chunk in chunks
    ]
    try:
        found = [shown for part in await asyncio.gather(*waiting) for shown in part]
    finally:
        # The first failure is raised; the others, of the same cause, are waited for and not raised again.
        await asyncio.gather(*waiting, return_exceptions=True)
    return sorted(found, key=lambda shown: (shown.behaviour.situation.text, shown.behaviour.name.text))
