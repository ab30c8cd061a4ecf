"""The receiver of spans under load, as one JSON document on standard output.

    python benchmarks/receiver.py [--senders 50] [--requests 20] [--traces 4]

Senders are connections of client processes that send at once, each its requests one after another, in protobuf: agents'
runs of one model's call, one tool and another call, whose texts differ. The yardstick is the same bytes, copied into a
table of the same server by one COPY, in the same run; for seconds differ from machine to machine.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from psycopg import AsyncConnection
from server import spread

from reverie.clock import SystemClock
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE, ensure_workspaces
from reverie.storage.service.api_keys import KeyScope, create_key
from reverie.testing.server_process import running_server

SPANS_A_TRACE = 4
PROCESSES = 2
BEGIN = 1_767_323_045 * 10**9
WORDS = ("order", "account", "refund", "parcel", "customer", "invoice", "update", "status", "delivery", "address")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is sent."""

    senders: int = 50
    requests: int = 20
    traces: int = 4
    """In each request."""


def request(chance: random.Random, traces: int) -> bytes:
    """A request with so many runs of an agent."""
    message: Any = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for _ in range(traces):
        trace_id, system, asked = chance.randbytes(16), _text(chance, 300), _text(chance, 60)
        heard = [("system", system), ("user", asked)]
        looked = _text(chance, 100)
        agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
        tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.result": looked}
        for number, told in enumerate(
            (agent, _call(heard, "I look."), tool, _call([*heard, ("tool", looked)], "Done."))
        ):
            _add(scope.spans.add(), trace_id, number, told)
    data: bytes = message.SerializeToString()
    return data


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(WORDS) + str(chance.randrange(10)) for _ in range(words))


def _call(heard: list[tuple[str, str]], said: str) -> dict[str, str]:
    def message(role: str, text: str) -> dict[str, Any]:
        return {"role": role, "parts": [{"type": "text", "content": text}]}

    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": json.dumps([message(*one) for one in heard]),
        "gen_ai.output.messages": json.dumps([message("assistant", said)]),
    }


def _add(span: Span, trace_id: bytes, number: int, told: dict[str, str]) -> None:
    span.trace_id, span.span_id = trace_id, (number + 1).to_bytes(8)
    span.parent_span_id = (1).to_bytes(8) if number else b""
    span.start_time_unix_nano = BEGIN + number * 10**9
    span.end_time_unix_nano = BEGIN + (number + 1 if number else 9) * 10**9
    for key, text in told.items():
        pair = span.attributes.add()
        pair.key, pair.value.string_value = key, text


def bodies(seed: int, sizes: Sizes) -> list[bytes]:
    """What one sender sends."""
    chance = random.Random(seed)
    return [request(chance, sizes.traces) for _ in range(sizes.requests)]


def send_all(url: str, secret: str, seeds: list[int], sizes: Sizes) -> tuple[float, float, list[float]]:
    """Send as senders of these seeds at once: when it began and ended, and how long each request took."""
    return asyncio.run(_send_all(url, secret, [bodies(seed, sizes) for seed in seeds]))


async def _send_all(url: str, secret: str, given: list[list[bytes]]) -> tuple[float, float, list[float]]:
    headers = {"x-api-key": secret, "content-type": "application/x-protobuf"}
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    taken: list[float] = []

    async def send(client: httpx2.AsyncClient, own: list[bytes]) -> None:
        for body in own:
            began = time.perf_counter()
            (await client.post("/v1/traces", content=body)).raise_for_status()
            taken.append(time.perf_counter() - began)

    async with httpx2.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=120) as client:
        began = time.time()
        await asyncio.gather(*(send(client, own) for own in given))
        return began, time.time(), taken


async def measure_copy(url: str, sizes: Sizes) -> float:
    """Seconds that one COPY of all the requests takes, with its commit."""
    given = [body for seed in range(sizes.senders) for body in bodies(seed, sizes)]
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE yardstick (number integer, body bytea)")
        began = time.perf_counter()
        async with connection.cursor().copy("COPY yardstick FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "bytea"])
            for number, body in enumerate(given):
                await copy.write_row((number, body))
        return time.perf_counter() - began


async def measure_assembly(url: str) -> float:
    """Seconds until all that came is put together, from now on."""
    began = time.perf_counter()
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        query = "SELECT 1 FROM received_traces WHERE version <> assembled_version LIMIT 1"
        while await (await connection.execute(query)).fetchone():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    return time.perf_counter() - began


def processor_seconds(pid: int) -> float:
    """What a process has taken of its processors so far (proc(5))."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


async def measure(folder: Path, sizes: Sizes) -> dict[str, Any]:
    """All figures."""
    async with open_database(Settings(home=folder / "home")) as database:
        await ensure_workspaces(database, SystemClock().now())
        async with database.connection() as connection:
            scope = KeyScope(DEFAULT_WORKSPACE, "write")
            secret = (await create_key(connection, "bench", scope, SystemClock().now()))[1]
        settings = Settings(home=folder / "home", database_url=database.url)
        with running_server(settings, folder / "log", "--no-agents") as server:
            # Has the server load what it loads when it is first needed.
            await asyncio.to_thread(send_all, server.url, secret, [10**6], Sizes(1, 2, 1))
            before = processor_seconds(server.process.pid)
            seeds = [list(range(first, sizes.senders, PROCESSES)) for first in range(PROCESSES)]
            with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
                loop = asyncio.get_running_loop()
                work = [loop.run_in_executor(pool, partial(send_all, server.url, secret, own, sizes)) for own in seeds]
                done = await asyncio.gather(*work)
            seconds = max(ended for _, ended, _ in done) - min(began for began, _, _ in done)
            received = processor_seconds(server.process.pid) - before
            together = await measure_assembly(database.url)
            whole = processor_seconds(server.process.pid) - before
        copying = await measure_copy(database.url, sizes)
    spans = sizes.senders * sizes.requests * sizes.traces * SPANS_A_TRACE
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        **asdict(sizes),
        "spans": spans,
        "bytes_a_span": round(len(request(random.Random(0), 1)) / SPANS_A_TRACE),
        "spans_per_second": round(spans / seconds),
        "copy_spans_per_second": round(spans / copying),
        "ratio_to_copy": round(copying / seconds, 4),
        "server_cpu_ms_a_span": round(received / spans * 1e3, 3),
        "server_cpu_ms_a_session_put_together": round((whole - received) / spans * SPANS_A_TRACE * 1e3, 3),
        "sessions_per_second_put_together": round(spans / SPANS_A_TRACE / (seconds + together)),
        **spread([one for _, _, taken in done for one in taken]),
    }


def measured(quick: bool) -> dict[str, Any]:
    """The document; ``quick`` sends less."""
    return _document(Sizes(requests=4) if quick else Sizes())


def _document(sizes: Sizes) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="reverie-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a server of root's runs as a user of its own, which must find its way in
        return asyncio.run(measure(folder, sizes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Sizes):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    print(json.dumps(_document(Sizes(**vars(parser.parse_args()))), indent=2))


if __name__ == "__main__":
    main()
