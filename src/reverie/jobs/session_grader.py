"""What grades a session of the history: a model by a rubric, or a grader in Python. Both see the blind view alone."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec

from reverie.assist.budget import usage_of, worst_case
from reverie.errors import ModelReplyInvalid, SettingsError
from reverie.language_model import (
    LanguageModel,
    ModelMessage,
    ModelPrice,
    ModelRequest,
    ModelUsage,
    cost_usd,
    most_usd,
    reply_schema,
)
from reverie.models.open import open_model
from reverie.models.reply import spent
from reverie.models.route import KEY_VARIABLES, routes_of
from reverie.models.routed_answers import RoutedAnswers
from reverie.models.router import open_router
from reverie.outcomes.grader import Grade, GradedSession, Grader
from reverie.outcomes.graders import grader_named
from reverie.prompts.grade_session import VERSION, GradeReply, grading_prompt
from reverie.settings import Settings

_OUTPUT_TOKENS = 1_000
_MOST_CHARACTERS = 60_000
"""Of a transcript in a prompt; of a longer one the middle is left out, and that is said in its place."""
_SCHEMA = reply_schema(GradeReply)


class Graded(msgspec.Struct, frozen=True):
    """A grade, and what it took."""

    grade: Grade
    usage: ModelUsage = ModelUsage()
    usd: float = 0.0


class SessionGrader(Protocol):
    """Grades sessions, several at a time."""

    @property
    def name(self) -> str:
        """``provider:model``, or ``grader:NAME``."""
        ...

    @property
    def rubric_sha256(self) -> str:
        """What it goes by."""
        ...

    @property
    def price(self) -> ModelPrice | None:
        """None: unknown, or nothing is paid."""
        ...

    def most_usd(self, view: GradedSession) -> float:
        """What a grade can cost at most."""
        ...

    async def grade(self, view: GradedSession) -> Graded:
        """The grade.

        Raises:
            ReverieError: there is none; says why.
        """
        ...


class ModelGrader:
    """A model that scores by a rubric."""

    def __init__(self, model: LanguageModel, rubric: str, price: ModelPrice | None) -> None:
        self._model, self._rubric, self.price = model, rubric, price
        self.name = model.name
        self.rubric_sha256 = _sha256(f"{VERSION}\n{rubric}")

    def most_usd(self, view: GradedSession) -> float:
        """See :class:`SessionGrader`."""
        return 0.0 if self.price is None else most_usd(worst_case(self._request(view)), self.price)

    async def grade(self, view: GradedSession) -> Graded:
        """See :class:`SessionGrader`."""
        request = self._request(view)
        reply = await self._model.complete(request)
        usage = usage_of(request, reply)
        try:
            read = msgspec.convert(reply.parsed, GradeReply)
        except msgspec.ValidationError as error:
            raise spent(ModelReplyInvalid, f"the reply is no grade: {error}", usage) from error
        if not 0 <= read.score <= 1:
            raise spent(ModelReplyInvalid, f"the score {read.score:g} is not between 0 and 1", usage)
        usd = 0.0 if self.price is None else cost_usd(usage, self.price)
        return Graded(Grade(score=read.score, explanation=read.explanation), usage, usd)

    def _request(self, view: GradedSession) -> ModelRequest:
        prompt = grading_prompt(self._rubric, transcript_text(view))
        message = ModelMessage("user", prompt.user)
        return ModelRequest(prompt.purpose, (message,), _OUTPUT_TOKENS, system=prompt.system, schema=_SCHEMA)


class PythonGrader:
    """A grader of an entry point, or our own."""

    price: ModelPrice | None = None

    def __init__(self, name: str, grader: Grader, rubric: str) -> None:
        self._grader = grader
        self._params: Mapping[str, Any] = {"formula" if name == "formula" else "rubric": rubric.strip()}
        self.name = f"grader:{name}"
        self.rubric_sha256 = _sha256(rubric)

    def most_usd(self, view: GradedSession) -> float:  # noqa: ARG002 - nothing is paid for any session
        """See :class:`SessionGrader`."""
        return 0.0

    async def grade(self, view: GradedSession) -> Graded:
        """See :class:`SessionGrader`."""
        return Graded(await asyncio.to_thread(self._grader, view, self._params))


@asynccontextmanager
async def open_grader(
    settings: Settings, rubric: str, model: str | None, grader: str | None
) -> AsyncIterator[SessionGrader]:
    """The grader named, else the model: by its route, else the one that the settings name.

    Raises:
        InputError: there is no such grader.
        SettingsError: no model is named.
        ModelAccessError: no route leads to the model.
    """
    if grader is not None:
        yield PythonGrader(grader, grader_named(grader), rubric)
        return
    named = settings.model
    if named is not None and named.provider not in KEY_VARIABLES and model in (None, named.model):
        async with open_model(named) as opened:
            yield ModelGrader(opened, rubric, named.price)
        return
    wanted = model or (named.model if named is not None else None)
    if wanted is None:
        raise SettingsError("no model is named: give --model, or set REVERIE_MODEL, or use a grader by --grader")
    async with open_router(routes_of(settings)) as router:
        routed = router.find(wanted)
        yield ModelGrader(RoutedAnswers(routed, asyncio.sleep, random.random), rubric, routed.price)


def transcript_text(view: GradedSession) -> str:
    """A session as a model reads it."""
    text = "\n".join(
        f"{turn.who}{' (error)' if turn.is_error else ''}, {turn.kind}: {turn.text}" for turn in view.turns
    )
    cut = len(text) - _MOST_CHARACTERS
    if cut <= 0:
        return text
    half = _MOST_CHARACTERS // 2
    return f"{text[:half]}\n… [{cut:,} characters of the middle are left out]\n{text[-half:]}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
