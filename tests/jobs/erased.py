"""A desk that has dreamt, whose sessions each have words of their own, and a look for words in every table."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.mining.policy import MiningPolicy
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from tests.dreams.small_desk import small_desk

POLICY = DreamPolicy(mining=MiningPolicy(placebo_runs=5))
USER = "anna@example.org"
ANNAS = ("t0-0", "t1-1")
"""Sessions of the user; each also calls a tool that no other session calls."""
ANNAS_TOOL = "open_drawer_of_anna"


def word_of(session_id: str) -> str:
    """A word that this session alone says: in what it is asked, and in what it gives its tools."""
    return f"zq{hashlib.sha256(session_id.encode()).hexdigest()[:20]}"


def write_sessions(path: Path) -> Path:
    """The small desk's sessions with words of their own."""
    lines = [with_words(msgspec.json.decode(line)) for line in small_desk(path).read_bytes().splitlines()]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


def with_words(session: dict[str, Any]) -> dict[str, Any]:
    """The session with its word, and as the user's where it is hers."""
    word = word_of(session["id"])
    session["messages"][0]["content"] += f" My reference is {word}."
    calls = [call for message in session["messages"] for call in message.get("tool_calls") or []]
    for call in calls:
        call["function"]["arguments"] = msgspec.json.encode({"reference": word}).decode()
    if session["id"] in ANNAS:
        session["metadata"]["user_id"] = USER
        call = {"id": "own", "type": "function", "function": {"name": ANNAS_TOOL, "arguments": "{}"}}
        told = f"Error: no drawer {word}"
        session["messages"][1:1] = [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "own", "content": told},
        ]
    return session


async def dream_of_desk(url: str) -> DreamResult:
    """A dream into the store ``desk``."""
    settings = Settings(Path("unused"), database_url=url, workers=1)
    async with open_database(settings) as database:
        return await dream(
            Runtime(database, settings, POLICY, SystemClock(), lambda *_: None, None), DreamRequest("desk")
        )


def make_desk(url: str, folder: Path) -> DreamResult:
    """Import the sessions and dream."""

    async def made() -> DreamResult:
        settings = Settings(folder, database_url=url, workers=1)
        async with open_database(settings) as database:
            path = write_sessions(folder / "desk.jsonl")
            await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)
        return await dream_of_desk(url)

    return asyncio.run(made())


def tables_that_say(url: str, text: str) -> dict[str, int]:
    """Rows that hold a text, by table, in every schema; in bytes too."""
    found = {}
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL(
                "SELECT count(*) FROM {} AS t WHERE strpos(t::text, %(text)s) > 0 OR strpos(t::text, %(hex)s) > 0"
            ).format(sql.Identifier(schema, table))
            row = connection.execute(query, {"text": text, "hex": text.encode().hex()}).fetchone()
            if row is not None and row[0]:
                found[f"{schema}.{table}"] = row[0]
    return found


def cited_words(url: str) -> set[str]:
    """Ids of the sessions that the desk's lessons cite."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT lesson FROM lessons WHERE status = 'adopted'").fetchall()
    return {each["session_id"] for (lesson,) in rows for each in (*lesson["evidence"], *lesson["examples"])}
