"""Lessons have parts: stored ones are taken apart once, so that nothing has to cut sentences again.

Revision ID: 0017
"""

import json
import re
from typing import Any

import sqlalchemy
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The sentences with the numbers began in one of these ways.
NUMBERS = re.compile(
    r"\. (?=Sessions that did it |Nothing can be said about how sessions |\d+ of \d+ sessions there did not go well)"
)


def parts(lesson: dict[str, Any]) -> dict[str, Any]:
    """The lesson with its parts, if it has none; advice in a model's words stays as it was worded."""
    if lesson.get("do"):
        return lesson
    advice, *rest = NUMBERS.split(lesson["statement"], maxsplit=1)
    exceptions = lesson.get("exceptions") or []
    if exceptions:
        advice = advice.removesuffix(f", except when {' or when '.join(exceptions)}")
    scope = lesson.get("scope") or {}
    family = f"the task is of the kind “{scope['task_family']}”" if scope.get("task_family") else ""
    when = " and ".join(part for part in (family, scope.get("condition") or "") if part)
    ours = advice.removeprefix(f"When {when}, ") if when else advice[:1].lower() + advice[1:]
    worded = {"words": advice} if when and ours == advice and lesson["kind"] != "training_priority" else {}
    return {**lesson, "when": "" if ours == advice and when else when, "do": ours, "numbers": "".join(rest), **worded}


def upgrade() -> None:
    connection = op.get_bind()
    rows = connection.execute(sqlalchemy.text("SELECT memory_store_id, id, lesson FROM lessons")).fetchall()
    for store_id, lesson_id, lesson in rows:
        connection.execute(
            sqlalchemy.text("UPDATE lessons SET lesson = CAST(:l AS jsonb) WHERE memory_store_id = :s AND id = :i"),
            {"l": json.dumps(parts(lesson)), "s": store_id, "i": lesson_id},
        )
    for dream_id, result in connection.execute(
        sqlalchemy.text("SELECT id, result FROM dreams WHERE result IS NOT NULL")
    ).fetchall():
        taken_apart = {**result, "lessons": [parts(lesson) for lesson in result.get("lessons", ())]}
        connection.execute(
            sqlalchemy.text("UPDATE dreams SET result = CAST(:r AS jsonb) WHERE id = :i"),
            {"r": json.dumps(taken_apart), "i": dream_id},
        )
