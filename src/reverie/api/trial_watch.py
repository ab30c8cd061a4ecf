"""Trials are looked at while the server runs: numbers brought up to date, decisions made where outcomes may decide."""

import psycopg
import structlog

from reverie.api.rounds import go_round
from reverie.api.service import Service
from reverie.jobs.trials import look_at, open_trials
from reverie.storage.postgres.workspaces import Workspace

LOOK_SECONDS = 15.0
"""How often; a look at a trial of which nothing is new costs a few small queries."""

log = structlog.get_logger("reverie.trials")


async def work(service: Service) -> None:
    """Look at the trials of every workspace, until cancelled."""
    await go_round(service, LOOK_SECONDS, _look_at, log, "trials could not be looked at; trying again")


async def _look_at(service: Service, workspace: Workspace) -> None:
    database, now = service.database.of_schema(workspace.schema), service.clock.now()
    for trial_id in await open_trials(database):
        try:
            outcome = await look_at(database, trial_id, workspace.id, now)
        except psycopg.OperationalError:
            raise  # Of the database, not of the trial.
        except Exception:  # the outermost level of one trial: the others are looked at
            log.exception("a trial could not be looked at", trial_id=trial_id)
            continue
        if outcome is not None and outcome.decision is not None:
            log.info("a trial was decided", trial_id=trial_id, act=outcome.decision.act)
