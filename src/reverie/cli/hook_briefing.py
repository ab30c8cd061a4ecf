"""Makes the briefing that a hook asks for; a process of its own, since what it needs is slow to load and may hang.

The hook says when it has passed the briefing on. Until then nothing is recorded, so a session that got nothing, since
this came too late, is no session that was shown something.
"""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Any

import httpx2
import msgspec

from reverie.cli.hook_call import BriefingReply, BriefingWish, Memo
from reverie.cli.hook_process import run_hook_process
from reverie.cli.project_store import find_project_store, listed_store
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.errors import ReverieError
from reverie.jobs.external_briefing import BriefingRequest, give_briefing
from reverie.memory.memory import MemoryStore
from reverie.settings import Settings
from reverie.storage.live.external_briefings import ExternalBriefing, has_draws
from reverie.storage.postgres.database import Connection, Database

_LONGEST_SECONDS = 60
_LINGER_SECONDS = 20
"""How long the database is kept open when it was ready too late, so that the next hook finds it so."""


class _TooLate(Exception):
    """The hook has gone on without the briefing."""


class _Refused(ReverieError):
    """The server declines."""


def brief(settings: Settings) -> None:
    """Answer the wish on standard input.

    Raises:
        ReverieError: no briefing can be had.
    """
    wish = msgspec.json.decode(sys.stdin.buffer.readline(), type=BriefingWish)
    Memo(settings.home).forget_old(SystemClock().now())
    url = os.environ.get("REVERIE_URL")
    with suppress(_TooLate):
        try:
            if url:
                _answer(_from_server(url, settings, wish))
            else:
                run(lambda database: _from_database(database, settings, wish), settings)
        except ReverieError as error:
            _say(BriefingReply(error=str(error)))


async def _from_database(database: Database, settings: Settings, wish: BriefingWish) -> None:
    try:
        async with database.connection() as connection:
            store = await find_project_store(connection, settings, wish.cwd)
            given = None if store is None else await _give(connection, store, wish)
            drawn = given is not None and await has_draws(connection, given.id, wish.session_id)
            text = given.text if given is not None else ""
            # Without its task a session may have nothing to be told yet; nobody was drawn, so it may ask again.
            settled = bool(text or drawn or wish.task)
            await asyncio.to_thread(_answer, BriefingReply(text, settled))
            if not settled:
                raise _TooLate
    except _TooLate:
        await asyncio.sleep(_LINGER_SECONDS)


async def _give(connection: Connection, store: MemoryStore, wish: BriefingWish) -> ExternalBriefing:
    request = BriefingRequest([store.id], agent=wish.agent, query=wish.task, reference=wish.session_id)
    return await give_briefing(connection, request, SystemClock().now())


def _answer(reply: BriefingReply) -> None:
    """Answer, and wait until the hook has passed it on.

    Raises:
        _TooLate: it has not.
    """
    _say(reply)
    if sys.stdin.buffer.readline() != b"shown\n":
        raise _TooLate


def _say(reply: BriefingReply) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(reply) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        raise _TooLate from error


def _from_server(url: str, settings: Settings, wish: BriefingWish) -> BriefingReply:
    """The briefing that a server gives. It is recorded there at once; asked again, it is the same.

    Raises:
        _Refused: there is no answer, or none that is a briefing.
    """
    key = os.environ.get("REVERIE_API_KEY") or "no-key"
    try:
        with httpx2.Client(base_url=url, headers={"x-api-key": key}, timeout=settings.hook_seconds) as client:
            listed = _read(client.get("/v1/memory_stores", params={"limit": 100}))["data"]
            store_id = listed_store(settings, wish.cwd, [(one["name"], one["id"]) for one in listed])
            if store_id is None:
                return BriefingReply()
            asked = {"memory_store_ids": [store_id], "query": wish.task, "reference": wish.session_id}
            given = _read(client.post("/v1/briefings", json={**asked, "agent": wish.agent}))
    except httpx2.HTTPError as error:
        raise _Refused(f"{url}: {type(error).__name__}: {error}") from error
    return BriefingReply(given["text"], settled=True)


def _read(response: httpx2.Response) -> Any:
    if response.status_code != 200:
        raise _Refused(f"{response.url}: {response.status_code}: {response.text[:300]}")
    return response.json()


if __name__ == "__main__":
    run_hook_process(brief, _LONGEST_SECONDS)
