"""Sessions that a person is asked to score: the next one, and the answers."""

from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.records import AnsweredLabel, AskedLabel, LabelAnswerParams, LabelFrameParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.jobs.labelling import next_task, record_answer, take_back_answer
from reverie.outcomes.label_task import LabelAnswer
from reverie.outcomes.metric import REWARD_METRIC
from reverie.storage.sessions.labels import LabelFrame, find_frame, open_frame, progress_of

_TASK, _ANSWER = RecordType(AskedLabel), RecordType(AnsweredLabel)
_ONE = "/v1/label_tasks/{session_id}"


@endpoint(
    "label_tasks.next", "POST", "/v1/label_tasks", body=RecordType(LabelFrameParams), answer=_TASK, extension=True
)
async def ask(context: RequestContext) -> AskedLabel:
    """Say which session a person should score next.

    It stays the next one until it is answered.
    """
    frame = await open_frame(context.connection, *_meant(context.body), context.now)
    task = await next_task(context.connection, frame)
    if task is None:
        return AskedLabel(None, None, (), await progress_of(context.connection, frame))
    context.resource_id = task.session_id
    return AskedLabel(task.session_id, task.view.task_category, task.view.turns, task.progress)


@endpoint("label_tasks.answer", "POST", _ONE, body=RecordType(LabelAnswerParams), answer=_ANSWER, extension=True)
async def answer(context: RequestContext) -> AnsweredLabel:
    """Record a person's score of a session, or that it was skipped."""
    frame, session_id = await _frame(context), context.path["session_id"]
    recorded = await record_answer(context.connection, frame, session_id, context.body["value"], context.now)
    return _wire(recorded)


@endpoint(
    "label_tasks.take_back",
    "POST",
    f"{_ONE}/take_back",
    body=RecordType(LabelFrameParams),
    answer=_ANSWER,
    extension=True,
)
async def take_back(context: RequestContext) -> AnsweredLabel:
    """Take an answer back; the session is asked for again."""
    return _wire(await take_back_answer(context.connection, await _frame(context), context.path["session_id"]))


def _meant(body: dict[str, Any]) -> tuple[str, str | None]:
    return body.get("metric", REWARD_METRIC), body.get("where")


async def _frame(context: RequestContext) -> LabelFrame:
    return await find_frame(context.connection, *_meant(context.body))


def _wire(recorded: LabelAnswer) -> AnsweredLabel:
    return AnsweredLabel(**{name: getattr(recorded, name) for name in recorded.__struct_fields__})
