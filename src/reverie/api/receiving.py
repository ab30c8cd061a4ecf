"""Sessions are put together from received spans while the server runs: in every server, each by one of them."""

import secrets
from datetime import timedelta

import psycopg
import structlog

from reverie.api.rounds import go_round, visit_all
from reverie.api.service import Service
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.installation import redaction_key
from reverie.storage.postgres.workspaces import Workspace
from reverie.storage.sessions.prepare import PrepareOptions
from reverie.storage.sessions.received import pass_over, waiting_traces
from reverie.storage.sessions.receiving import assemble_received, give_up_old

POLL_SECONDS = 1.0
"""How often it is looked for traces at rest."""
CLEAN_SECONDS = 60.0
"""How often spans are given up that have been kept for long enough."""
_UNROOTED = 12
"""How many times as long a trace rests whose first span is missing: it comes when all others have ended."""
_AT_ONCE = 100
"""Traces that are looked for at a time."""
_BATCHES = 10
"""How often in a row in one workspace, before the others have their turn."""

log = structlog.get_logger("reverie.receiving")


async def work(service: Service) -> None:
    """Put together what is at rest in every workspace, until cancelled."""
    await go_round(service, POLL_SECONDS, _assemble, log, "received spans could not be put together; trying again")


async def clean(service: Service) -> None:
    """Give up old spans in every workspace, until cancelled."""
    await go_round(service, CLEAN_SECONDS, _give_up, log, "received spans could not be given up; trying again")


async def assemble_all(service: Service) -> None:
    """Put together what is at rest, once."""
    await visit_all(service, _assemble)


async def clean_once(service: Service) -> None:
    """Give up old spans, once."""
    await visit_all(service, _give_up)


async def _assemble(service: Service, workspace: Workspace) -> None:
    database = service.database.of_schema(workspace.schema)
    rest = timedelta(seconds=service.settings.receive_rest_seconds)
    for _ in range(_BATCHES):
        async with database.connection() as connection:
            waiting = await waiting_traces(connection, service.clock.now(), rest, _UNROOTED * rest, _AT_ONCE)
            redacts = waiting and service.settings.redaction
            key = await redaction_key(connection, secrets.token_bytes(32)) if redacts else None
        options = PrepareOptions(overrides={}, redaction_key=key)
        done = [await _assemble_one(service, database, trace_id, options) for trace_id in waiting]
        if len(waiting) < _AT_ONCE or not any(done):
            return


async def _assemble_one(service: Service, database: Database, trace_id: str, options: PrepareOptions) -> bool:
    """Whether something was put together."""
    try:
        done = await assemble_received(database, trace_id, options, service.clock.now())
    except psycopg.OperationalError:
        raise  # Of the database, not of the trace.
    except Exception:  # the outermost level of one conversation: it is passed over, and the others go on
        log.exception("a session could not be put together", trace_id=trace_id)
        async with database.connection() as connection:
            await pass_over(connection, trace_id, "it could not be put together; the server's log has the reason")
        return True
    for problem in done.problems if done else ():
        log.warning("a session could not be put together", trace_id=trace_id, reason=problem)
    return done is not None


async def _give_up(service: Service, workspace: Workspace) -> None:
    database, retention = service.database.of_schema(workspace.schema), timedelta(days=service.settings.receive_days)
    while await give_up_old(database, service.clock.now(), retention):
        pass
