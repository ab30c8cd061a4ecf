"""How long the server takes for each page of the console, as one JSON document on standard output.

    python benchmarks/console.py [--quick]

The pages are those that the console declares. Each is asked for in the server's process, without a network, on a
database with a few sessions and then on the same one with many: told are medians and the least, their ratio, and the
ratio to a page that asks the API for nothing. A small planted world is imported and dreamt over, so that there are
lessons; the many sessions are made by SQL, with events, scores, threads, rules that held, acts, and a trial of every
twentieth of them. The database is an embedded one in a folder of its own.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from reverie.api.app import make_app
from reverie.api.live import LiveEvents
from reverie.api.service import Service, ServiceOptions
from reverie.clock import SystemClock
from reverie.console.app import PAGES, console_routes
from reverie.console.page import pages_of
from reverie.jobs.trials import evaluate
from reverie.library import AsyncReverie
from reverie.settings import Settings
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.postgres.workspaces import ensure_workspaces
from reverie.testing.worlds import plain_world, write_world

EMPTY = "/console/sign-in"
"""The page that asks the API for nothing."""
FEW, MANY = 1_000, 100_000
REPEATS = 15
WORLD_SESSIONS, WORLD_TASKS = 600, 60
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_FILL = (
    """
    INSERT INTO sessions (id, source, agent, agent_version, model, task_id, task_category, user_id, started_at,
        ended_at, imported_at, event_count, content_sha256, reward)
    SELECT 'sesn_bench' || lpad(n::text, 9, '0'), 'bench', 'clerk', '1', 'm', 't' || n %% 500, 'family ' || n %% 20,
        'user ' || n %% 1000, now() - n * interval '1 minute', now() - n * interval '1 minute' + interval '40 s',
        now() - n * interval '1 minute', 4, '', (n * 7919 %% 10 < 6)::int
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
    """,
    """
    INSERT INTO live_sessions (session_key, status, environment_id, agent_id, agent_version, agent, last_event_at,
        updated_at)
    SELECT s.key, 'idle', %(environment)s, %(agent)s, 1, jsonb_build_object('id', %(agent)s::text, 'name', 'lead',
        'version', 1, 'type', 'agent', 'model', jsonb_build_object('id', 'large'), 'metadata', '{}'::jsonb,
        'tools', '[]'::jsonb, 'skills', '[]'::jsonb, 'mcp_servers', '[]'::jsonb), s.imported_at, s.imported_at
    FROM sessions s WHERE s.source = 'bench' AND s.key > %(key)s AND s.key %% 10 = 0
    """,
    """
    INSERT INTO events (session_key, sequence, type, at, payload)
    SELECT s.key, e.n, CASE e.n %% 4 WHEN 0 THEN 'user.message' WHEN 1 THEN 'agent.tool_use'
        WHEN 2 THEN 'agent.tool_result' ELSE 'agent.message' END, s.started_at + e.n * interval '10 s',
        CASE e.n %% 4 WHEN 1 THEN '{"name": "look_up", "input": {"order": 17}}'::jsonb
            WHEN 2 THEN jsonb_build_object('tool_use_id', 'x', 'content', '[{"type": "text", "text": "found"}]'::jsonb)
            ELSE '{"content": [{"type": "text", "text": "Where is order 17? It was sent on Monday."}]}'::jsonb END
    FROM sessions s, generate_series(0, 3) AS e (n) WHERE s.source = 'bench' AND s.key > %(key)s
    """,
    """
    INSERT INTO scores (session_key, metric, value)
    SELECT key, 'reward', reward FROM sessions WHERE source = 'bench' AND key > %(key)s
    """,
    """
    INSERT INTO session_threads (id, session_key, agent, status, created_at, updated_at)
    SELECT 'sthr_' || key, key, jsonb_build_object('id', 'agent_helper', 'name', 'helper'), 'idle', imported_at,
        imported_at FROM sessions WHERE source = 'bench' AND key > %(key)s AND key %% 50 = 0
    """,
    """
    INSERT INTO rule_firings (session_key, sequence, agent_id, rule, version, verdict, enforced)
    SELECT key, 1, '', 'closed', 1, 'deny', true
    FROM sessions WHERE source = 'bench' AND key > %(key)s AND key %% 20 = 0
    """,
    """
    INSERT INTO audit_log (at, actor, action, resource_id, request_id)
    SELECT imported_at, jsonb_build_object('type', 'api_actor', 'api_key_id', 'apikey_' || key %% 5),
        'sessions.scores.record', id, ''
    FROM sessions WHERE source = 'bench' AND key > %(key)s AND key %% 2 = 0
    """,
    """
    INSERT INTO trial_assignments (trial_id, place, reference, session_key, unit, stratum, shown, share, predicted,
        counted, contaminated, eligible_at)
    SELECT %(trial)s, t.exposures + row_number() OVER (ORDER BY s.key), s.id, s.key, s.id, '',
        hashint8(s.key) & 1 = 0, 0.5, 0.6, true, false, s.imported_at
    FROM sessions s, trials t
    WHERE t.id = %(trial)s AND s.source = 'bench' AND s.key > %(key)s AND s.key %% 20 = 0
    """,
    """
    UPDATE trials SET exposures = (SELECT count(*) FROM trial_assignments WHERE trial_id = %(trial)s)
    WHERE id = %(trial)s
    """,
)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def made(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> str:
    """The id of what the API makes."""
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    return str(answer.json()["id"])


async def prepare(client: httpx2.AsyncClient, database: Database, settings: Settings) -> dict[str, str]:
    """A world dreamt over, an agent and a trial; ids by the names that paths have for them."""
    store = await made(client, "/v1/memory_stores", {"name": "desk"})
    world = settings.home / "world.jsonl"
    write_world(plain_world(1, WORLD_SESSIONS, WORLD_TASKS), world)
    reverie = AsyncReverie(database, settings, SystemClock())
    await reverie.import_sessions([world])
    await reverie.dream("desk")
    (
        await client.post(f"/v1/memory_stores/{store}/policy", json={"policy": {"live": {"mode": "observe"}}})
    ).raise_for_status()
    trial = await made(client, "/v1/trials", {"memory_store_id": store, "advice": "Look at the record first"})
    ids = {
        "store_id": store,
        "agent_id": await made(client, "/v1/agents", {"name": "lead", "model": "large"}),
        "environment_id": await made(client, "/v1/environments", {"name": "room"}),
        "trial_id": trial,
        "session_id": "sesn_bench000000010",
    }
    async with database.connection() as connection:
        for name, query in (
            ("lesson_id", "SELECT id FROM lessons WHERE status = 'adopted' LIMIT 1"),
            ("dream_id", "SELECT id FROM dreams LIMIT 1"),
        ):
            found = await (await connection.execute(query.encode())).fetchone()
            ids[name] = found[0] if found else ""
    return ids


async def fill(database: Database, ids: dict[str, str], first: int, last: int) -> None:
    """Sessions from one number to another, and what hangs on them; the trial is looked at as a server would."""
    async with database.connection() as connection:
        ((key,),) = await (await connection.execute("SELECT coalesce(max(key), 0) FROM sessions")).fetchall()
        values = {"first": first, "last": last, "key": key, "trial": ids["trial_id"], "agent": ids["agent_id"]}
        for statement in _FILL:
            await connection.execute(statement.encode(), values | {"environment": ids["environment_id"]})
    async with database.connection() as connection:
        await evaluate(connection, ids["trial_id"], SystemClock().now())
    async with database.statements() as connection:
        await connection.execute("VACUUM ANALYZE")


def paths_of(ids: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Addresses of the pages by their declared paths, and those whose parameters are not known here."""
    known = ids | {"memory_store_id": ids["store_id"], "store": ids["store_id"]}
    declared = sorted({page.path for module in PAGES for page in pages_of(module) if page.method == "GET"})
    found, unknown = {}, []
    for path in declared:
        if all(known.get(name) for name in _PARAMETER.findall(path)):
            asked = _PARAMETER.sub(lambda match: quote(known[match[1]], safe=""), path)
            found[path] = f"{asked}?act=end" if path.endswith("/decide") else asked
        else:
            unknown.append(path)
    return found, unknown


async def timed(client: httpx2.AsyncClient, address: str) -> tuple[int, list[float]]:
    """The status and how long each answer took, in seconds; nothing of a stream, which has no end."""
    taken = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        async with client.stream("GET", address) as answer:
            if "event-stream" in answer.headers.get("content-type", ""):
                return answer.status_code, []
            await answer.aread()
        taken.append(time.perf_counter() - began)
    return answer.status_code, taken[1:]


async def measure(few: int, many: int) -> dict[str, Any]:
    """Every page at both sizes."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), workers=1)
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(settings, 16))
            await ensure_workspaces(database, SystemClock().now())
            live = LiveEvents()
            await stack.enter_async_context(live.listening(database))
            service = Service(database, settings, SystemClock(), live, ServiceOptions(require_key=False))
            app = make_app(service, pages=console_routes)
            client = await stack.enter_async_context(
                httpx2.AsyncClient(
                    transport=httpx2.ASGITransport(app=app),
                    base_url="http://localhost",
                    follow_redirects=True,
                    timeout=300,
                )
            )
            ids = await prepare(client, database, settings)
            paths, unknown = paths_of(ids)
            taken: dict[str, list[tuple[int, list[float]]]] = {path: [] for path in (EMPTY, *paths)}
            for first, last in ((1, few), (few + 1, many)):
                await fill(database, ids, first, last)
                say(f"{last:,} sessions are there")
                for path in taken:
                    taken[path].append(await timed(client, paths.get(path, path)))
            live.close()
    return {"sessions": [few, many], "repeats": REPEATS, **told(taken), "unknown": unknown}


def told(taken: dict[str, list[tuple[int, list[float]]]]) -> dict[str, Any]:
    """Each page, slowest first; ratios are of the least that a page took, which others on the machine disturb least."""
    (_, empty_few), (_, empty_many) = taken.pop(EMPTY)
    pages: dict[str, dict[str, Any]] = {}
    for path, ((_, few), (status, many)) in taken.items():
        if few and many:
            pages[path] = {
                "status": status,
                "few_ms": {"median": _ms(statistics.median(few)), "least": _ms(min(few))},
                "many_ms": {"median": _ms(statistics.median(many)), "least": _ms(min(many))},
                "many_to_few": round(min(many) / min(few), 2),
                "to_empty": round(min(many) / min(empty_many), 1),
            }
    ordered = sorted(pages.items(), key=lambda page: -page[1]["to_empty"])
    return {"empty_ms": [_ms(min(empty_few)), _ms(min(empty_many))], "pages": dict(ordered)}


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 2)


def measured(quick: bool) -> dict[str, Any]:
    """The measurements; ``quick`` with fewer sessions."""
    return asyncio.run(measure(FEW, MANY // 10 if quick else MANY))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How long each page of the console takes.")
    parser.add_argument("--quick", action="store_true", help="fewer sessions")
    print(json.dumps(measured(parser.parse_args().quick), indent=2))
