"""Public records of real agents, read by path; an evaluation says which are absent."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evaluation.in_memory import DigestedSession, digest_sessions
from reverie.errors import ImportFormatError
from reverie.outcomes.score_file import read_scores
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record, read_records


class TraceSet(msgspec.Struct, frozen=True):
    """Some files of sessions that belong together, below the folder of all data."""

    name: str
    paths: tuple[str, ...]
    scores: tuple[str, ...] = ()
    """For each path the file with its scores, where sessions do not hold them."""


_CLAUDE_CODE_RUNS = ("haiku_base_solo_complete_dataset", "haiku_run_complete_dataset")
TRACE_SETS = (
    TraceSet("InterCode SQL", ("intercode/sql",)),
    TraceSet("InterCode bash", ("intercode/bash",)),
    TraceSet("tau-bench airline", ("tau-bench",)),
    TraceSet("tau-bench retail", ("tau-bench-retail-runs",)),
    TraceSet(
        "Claude Code retail",
        tuple(f"tau2-retail-claude-code/{run}.tar.gz" for run in _CLAUDE_CODE_RUNS),
        tuple(f"tau2-retail-claude-code/{run}.tar.gz/{run}/eval_results.json" for run in _CLAUDE_CODE_RUNS),
    ),
)


class ReadTraces(msgspec.Struct, frozen=True):
    """What was read, and what could not be."""

    sessions: list[DigestedSession]
    unread: int


def read_traces(traces: TraceSet, data: Path) -> ReadTraces | None:
    """Read and digest a set; None where its files are absent."""
    paths = [data / path for path in traces.paths]
    if not all(path.exists() for path in paths):
        return None
    sessions: list[DigestedSession] = []
    unread = 0
    for number, path in enumerate(paths):
        scores = traces.scores[number] if traces.scores else None
        read, failed = _read(path, data / scores if scores else None)
        sessions += read
        unread += failed
    return ReadTraces(_first_of_each(sessions), unread)


def _read(path: Path, scores: Path | None) -> tuple[list[DigestedSession], int]:
    """Sessions of one path; where their scores are apart, the path's name tells the agent's version."""
    table = read_scores(scores, key=None, fields=()) if scores else None
    variant = {"agent_version": path.name.partition(".")[0], "task_id": "{stem}"} if scores else {}
    sessions: list[DigestedSession] = []
    unread = 0
    for record in read_records([path], format=None):
        if isinstance(record, ImportProblem):
            unread += 1
        if not isinstance(record, RawRecord):
            continue
        try:
            transcript = parse_record(record, variant)
        except ImportFormatError:
            unread += 1
            continue
        if table:
            stem = record.context.get("stem", "")
            transcript = msgspec.structs.replace(transcript, scores=table.scores_for(transcript.session, stem))
        sessions += digest_sessions([transcript])
    return sessions, unread


def _first_of_each(sessions: Sequence[DigestedSession]) -> list[DigestedSession]:
    """Each session once, as an import would keep them."""
    return list({each.session.id: each for each in reversed(sessions)}.values())
