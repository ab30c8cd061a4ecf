import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import psycopg

from reverie.settings import Settings
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.webhook_receiver import receiving

_COMMAND = "from reverie.cli.main import main; main()"


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server in a process of its own, killed at the end at the latest: its address, and the process."""
    environment = os.environ | {
        "DATABASE_URL": str(settings.database_url),
        "REVERIE_SECRET_KEY": str.__str__(settings.secret_keys[0]),
        "REVERIE_HOME": str(settings.home),
    }
    arguments = ["serve", "--port", "0", "--no-key", "--private-webhooks", "--log-level", "error"]
    command = [sys.executable, "-c", _COMMAND, *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = re.search(r"http://\S+:\d+", process.stdout.readline())
            assert ready is not None
            yield ready.group(), process
        finally:
            process.kill()


async def test_a_webhook_whose_server_is_killed_during_delivery_is_delivered_by_another(settings: Settings) -> None:
    with receiving() as receiver:
        receiver.may_answer.clear()
        with serving(settings) as (address, process):
            async with httpx2.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS) as http:
                endpoint = {"url": receiver.url, "enabled_events": ["environment.created"]}
                assert (await http.post("/v1/organizations/webhooks", json=endpoint)).status_code == 200
                assert (await http.post("/v1/environments", json={"name": "desk"})).status_code == 200
            first = await asyncio.to_thread(receiver.next)
            process.kill()
        receiver.may_answer.set()
        # Instead of waiting until the dead server's hold ends.
        with psycopg.connect(str(settings.database_url)) as connection:
            held = connection.execute("UPDATE webhook_deliveries SET next_attempt_at = now() RETURNING attempts")
            assert held.fetchall() == [(0,)]
        with serving(settings):
            second = await asyncio.to_thread(receiver.next)
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
