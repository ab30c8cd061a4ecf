"""Import: read session files in batches, prepare them in worker processes, store each batch in one transaction.

A killed import leaves whole batches only, so running it again completes it. Memory holds a few batches at a time,
however large the input is.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext
from itertools import chain, islice
from pathlib import Path

import msgspec

from reverie.clock import Clock
from reverie.errors import ReverieError
from reverie.outcomes.metric import REWARD_METRIC, Metric
from reverie.outcomes.score_file import ScoreTable, read_scores
from reverie.outcomes.score_words import split_score_options
from reverie.sessions.importers import ImportProblem, RawRecord, SkippedFile, read_records
from reverie.settings import Settings
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.installation import redaction_key
from reverie.storage.postgres.workers import worker_pool
from reverie.storage.sessions.import_summary import ImportCounts, ImportOptions, ImportSummary, added
from reverie.storage.sessions.prepare import PreparedBatch, PreparedSession, PrepareOptions, prepare_batch
from reverie.storage.sessions.scores import list_metrics
from reverie.storage.sessions.store_batch import reserve_keys, store_batch

BATCH_BYTES = 512 * 1024
BATCH_RECORDS = 500
SMALL_IMPORT_BATCHES = 4
"""Imports of fewer batches are prepared in this process: they would be over before workers have started."""

Progress = Callable[[ImportSummary], None]
"""Called after each batch with what has been done so far."""
Transaction = Callable[[], AbstractAsyncContextManager[Connection]]


class _Batch(msgspec.Struct, frozen=True):
    records: list[RawRecord]
    problems: list[ImportProblem]
    notices: list[str]


class _Import(msgspec.Struct, frozen=True):
    """What every batch of one import needs."""

    workers: int
    strict: bool
    prepare: PrepareOptions
    scores: ScoreTable | None
    clock: Clock
    progress: Progress


class _StrictProblem(Exception):
    """Ends a strict import and undoes it."""

    def __init__(self, problem: ImportProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


async def import_sessions(
    database: Database,
    settings: Settings,
    paths: Sequence[Path],
    options: ImportOptions,
    clock: Clock,
    progress: Progress,
) -> ImportSummary:
    """Import every session found in files, folders and archives.

    A session whose id is stored already is left as it is, unless it goes on where the stored one ends; scores are
    recorded in any case.

    Raises:
        InputError: the score file is malformed.
        ReverieError: a worker process was killed.
    """
    plan = await _plan(database, settings, options, clock, progress)
    batches = _batches(read_records(paths, format=options.format, met=options.met))
    try:
        if options.strict:
            async with database.connection() as connection:
                summary = await _import_batches(plan, batches, lambda: nullcontext(connection))
        else:
            summary = await _import_batches(plan, batches, database.connection)
    except _StrictProblem as stop:
        return ImportSummary(sessions=ImportCounts(failed=1), errors=[stop.problem])
    except BrokenProcessPool as error:
        raise ReverieError(
            "a worker process was killed, perhaps for want of memory; what was stored is whole: "
            "run the same import again, with fewer workers (REVERIE_WORKERS)"
        ) from error
    if plan.scores is None:
        return summary
    async with database.connection() as connection:
        defined = await list_metrics(connection)
    return added(added(summary, _unclaimed(plan.scores, options)), _unexplained(plan.scores, defined))


async def _plan(
    database: Database, settings: Settings, options: ImportOptions, clock: Clock, progress: Progress
) -> _Import:
    scores = None
    fields, words = split_score_options(options.score_fields)
    if options.scores is not None:
        scores = await asyncio.to_thread(
            read_scores, options.scores, key=options.scores_key, fields=fields, words=words
        )
    key = None
    if options.redact:
        async with database.connection() as connection:
            key = await redaction_key(connection, secrets.token_bytes(32))
    return _Import(
        workers=settings.workers,
        strict=options.strict,
        prepare=PrepareOptions(overrides=options.overrides, redaction_key=key, words=words),
        scores=scores,
        clock=clock,
        progress=progress,
    )


def _unclaimed(table: ScoreTable, options: ImportOptions) -> ImportSummary:
    rows = table.unclaimed()
    return ImportSummary(
        warnings=[f"{options.scores}:{row.line}: no imported session has {table.key} {row.key!r}" for row in rows]
    )


def _unexplained(table: ScoreTable, defined: Sequence[Metric]) -> ImportSummary:
    """A notice for each score whose range nobody defined, where such scores are all that rewards are made of."""
    ranges = table.ranges()
    if REWARD_METRIC in ranges or any(metric.name in ranges for metric in defined):
        return ImportSummary()
    return ImportSummary(
        notices=[
            f"{name} goes from {low:g} to {high:g}, and no metric of that name is defined: only its values from 0 to 1 "
            f"count, as they are; `reverie metric define {name} --low LOW --high HIGH` (the ends of its scale) "
            "makes all of them count"
            for name, (low, high) in ranges.items()
            if low < 0 or high > 1
        ]
    )


def _batches(items: Iterable[RawRecord | ImportProblem | SkippedFile]) -> Iterator[_Batch]:
    batch = _Batch([], [], [])
    size = 0
    for item in items:
        if isinstance(item, RawRecord):
            batch.records.append(item)
            size += len(item.data) + sum(len(part.data) for part in item.parts)
        elif isinstance(item, ImportProblem):
            batch.problems.append(item)
        else:
            batch.notices.append(str(item))
        if size >= BATCH_BYTES or len(batch.records) + len(batch.problems) >= BATCH_RECORDS:
            yield batch
            batch = _Batch([], [], [])
            size = 0
    yield batch


async def _import_batches(plan: _Import, batches: Iterator[_Batch], transaction: Transaction) -> ImportSummary:
    """Keep the workers busy with batches ahead, and store batches in the order they were read in."""
    ahead = await asyncio.to_thread(lambda: list(islice(batches, SMALL_IMPORT_BATCHES)))
    batches = chain(ahead, batches)
    waiting: deque[tuple[_Batch, asyncio.Future[PreparedBatch]]] = deque()
    total = ImportSummary()
    met: set[str] = set()
    with ExitStack() as stack:
        pool = None
        if len(ahead) == SMALL_IMPORT_BATCHES:
            pool = stack.enter_context(worker_pool(plan.workers, prepare_batch.__module__))
        while batch := await asyncio.to_thread(next, batches, None):
            async with transaction() as connection:
                keys = await reserve_keys(connection, len(batch.records))
                batch = await _with_stored_parents(connection, batch)
            waiting.append((batch, _start(plan, pool, batch, keys)))
            if len(waiting) > plan.workers + 1:
                total = await _store(plan, pool, *waiting.popleft(), transaction, total, met)
        while waiting:
            total = await _store(plan, pool, *waiting.popleft(), transaction, total, met)
    return total


async def _with_stored_parents(connection: Connection, batch: _Batch) -> _Batch:
    """The batch, with forks marked where the session they were forked from is stored and holds their beginning."""
    wanted = {
        record.context["forked_from"]
        for record in batch.records
        if "forked_from" in record.context and not record.elsewhere
    }
    if not wanted:
        return batch
    query = "SELECT id FROM sessions WHERE id = ANY (%s)"
    stored = {row[0] for row in await (await connection.execute(query, [sorted(wanted)])).fetchall()}
    records = [
        msgspec.structs.replace(record, context=record.context | {"parent_stored": "yes"})
        if not record.elsewhere and record.context.get("forked_from") in stored
        else record
        for record in batch.records
    ]
    return msgspec.structs.replace(batch, records=records)


def _start(plan: _Import, pool: Executor | None, batch: _Batch, keys: list[int]) -> asyncio.Future[PreparedBatch]:
    return asyncio.get_running_loop().run_in_executor(pool, prepare_batch, batch.records, keys, plan.prepare)


async def _store(
    plan: _Import,
    pool: Executor | None,
    batch: _Batch,
    preparing: asyncio.Future[PreparedBatch],
    transaction: Transaction,
    total: ImportSummary,
    met: set[str],
) -> ImportSummary:
    """Store one batch, adding its session ids to those ``met`` in this import; the summary so far."""
    done = await preparing
    prepared, problems = done.sessions, batch.problems + done.problems
    if plan.strict and problems:
        raise _StrictProblem(problems[0])
    if plan.scores is not None:
        prepared = [_with_scores(session, batch.records[session.record], plan.scores) for session in prepared]
    async with transaction() as connection:
        stored = await store_batch(connection, batch.records, prepared, plan.prepare, plan.clock.now(), met, pool)
    reported = ImportSummary(
        sessions=ImportCounts(failed=len(problems)),
        errors=problems,
        warnings=[str(warning) for warning in done.warnings],
        notices=batch.notices,
    )
    total = added(added(total, reported), stored)
    plan.progress(total)
    return total


def _with_scores(session: PreparedSession, record: RawRecord, table: ScoreTable) -> PreparedSession:
    scores = table.scores_for(session.session, record.context.get("stem", ""))
    return msgspec.structs.replace(session, scores=session.scores + scores)
