"""One sample of one epoch: a session with its scores.

The target, the sample's own metadata, the store, choices' keys and whatever scorers say besides the score are the
grader's: they are not read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import Draft, EventLog, as_text, usage_payload
from reverie.sessions.importers.inspect_log.attachments import Attachments
from reverie.sessions.importers.inspect_log.events import SampleEvents, operation_of
from reverie.sessions.importers.inspect_log.header import header_of
from reverie.sessions.importers.inspect_log.messages import message_of
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.messages import Reading, record_parts
from reverie.sessions.importers.otlp.assembly import assemble
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session

_GRADES = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "yes": 1.0, "no": 0.0}
"""Inspect's words for correct, incorrect, partial and no answer."""
_UNSCORED = "NaN"


def parse_inspect(record: RawRecord) -> Draft:
    """Read one sample.

    Raises:
        ImportFormatError: it holds neither messages nor events that can be read.
    """
    row = decode_json(record.data)
    if not isinstance(row, dict):
        raise ImportFormatError("the sample is not a JSON object")
    header = header_of(record)
    attachments = Attachments(row.get("attachments"))
    spans = SampleEvents(row, attachments).spans()
    spoken = any(operation_of(span).kind == "model" for span in spans)
    draft = assemble(_id(row, header), spans, operation_of, "inspect") if spoken else _from_messages(row, attachments)
    _record_error(draft.log, row.get("error"))
    draft.session = _session(row, header, draft)
    for metric, value in _scores(row):
        draft.score(metric, value, f"scores.{metric[:60]}")
    return draft


def _from_messages(row: Mapping[str, Any], attachments: Attachments) -> Draft:
    log = EventLog()
    messages = row.get("messages")
    given = [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    if not given and not row.get("error"):
        raise ImportFormatError("the sample has neither messages nor calls of a model")
    reading = Reading(log)
    for message in (message_of(attachments.filled(one)) for one in given):
        record_parts(reading, message.role, message.parts, None, None)
    reading.warn_unread("messages")
    used = row.get("model_usage")
    for usage in used.values() if isinstance(used, dict) else ():
        if isinstance(usage, dict):
            log.add("span.model_request_end", usage_payload(_wire_usage(usage)))
    return Draft(Session(id="", source="inspect"), log)


def _wire_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **usage,
        "cache_read_input_tokens": usage.get("input_tokens_cache_read"),
        "cache_creation_input_tokens": usage.get("input_tokens_cache_write"),
        "cost": usage.get("total_cost"),
    }


def _record_error(log: EventLog, error: Any) -> None:
    """What ended the sample; its traceback shows what the harness knew, so its message alone is kept."""
    message = as_text(error.get("message")) if isinstance(error, dict) else ""
    told = log.events[-1].payload.get("error", {}).get("message") if log.events else None
    if message and message != told:
        payload = {"error": {"type": "unknown_error", "message": message, "retry_status": {"type": "terminal"}}}
        log.add("session.error", payload, max((e.at for e in log.events if e.at), default=None))


def _id(row: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    if uuid := as_text(row.get("uuid")):
        return uuid
    both = (as_text(header.get("run_id")), as_text(header.get("task_id")))  # a run may be of several tasks
    run = as_text(header.get("eval_id")) or ":".join(name for name in both if name)
    return f"{run}:{as_text(row.get('id'))}:{as_text(row.get('epoch'))}" if run else ""


def _session(row: Mapping[str, Any], header: Mapping[str, Any], draft: Draft) -> Session:
    task, sample, log = as_text(header.get("task")), as_text(row.get("id")), draft.log
    given = row.get("output")
    output = given if isinstance(given, dict) else {}
    times = [event.at for event in log.events if event.at is not None]
    model = as_text(header.get("model")) or draft.session.model or as_text(output.get("model"))
    return msgspec.structs.replace(
        draft.session,
        id=_id(row, header),
        source="inspect",
        agent=as_text(header.get("solver")) or draft.session.agent or "inspect",
        model=model or None,
        task_id=(f"{task}:{sample}" if task else sample) or None,
        task_category=task or None,
        user_id=None,
        started_at=_time(log, row, "started_at") or min(times, default=None),
        ended_at=_time(log, row, "completed_at") or max(times, default=None),
        metadata=dict(_metadata(row, header)),
    )


def _time(log: EventLog, row: Mapping[str, Any], field: str) -> Any:
    return log.time(row[field], field) if row.get(field) else None


def _metadata(row: Mapping[str, Any], header: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    dataset = header.get("dataset")
    yield "epoch", as_text(row.get("epoch"))
    given = {name: header.get(name) for name in ("eval_id", "run_id", "task_version", "tags")}
    given["dataset"] = dataset.get("name") if isinstance(dataset, dict) else None
    yield from ((name, as_text(value)) for name, value in given.items() if value not in (None, "", []))
    limit = row.get("limit")
    if isinstance(limit, dict) and limit.get("type"):
        yield "termination_reason", f"{as_text(limit['type'])} limit"


def _scores(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each score by its scorer; one of several values by the scorer and the value's name. Once there was only one."""
    given = row.get("scores")
    scores = given if isinstance(given, dict) else {"score": row["score"]} if row.get("score") else {}
    for scorer, score in scores.items():
        value = score.get("value") if isinstance(score, dict) else score
        if isinstance(value, dict):
            yield from ((f"{scorer}.{name}", _grade(one)) for name, one in value.items())
        elif isinstance(value, list):
            yield from ((f"{scorer}.{number}", _grade(one)) for number, one in enumerate(value))
        else:
            yield scorer, _grade(value)


def _grade(value: Any) -> Any:
    if isinstance(value, str):
        return None if value == _UNSCORED else _GRADES.get(value.strip().lower(), value)
    return value
