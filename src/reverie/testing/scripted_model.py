"""A language model whose answers are known beforehand."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from reverie.errors import ModelError
from reverie.language_model import ModelReply, ModelRequest, ModelUsage

_USAGE = ModelUsage(input_tokens=100, output_tokens=20)


class ScriptedModel:
    """Answers each request with the next entry of a script, and keeps the requests.

    Args:
        script: texts, JSON objects (for requests with a schema) or errors to raise, in order.
        usage: what each answer is said to have cost.
    """

    def __init__(self, script: Iterable[str | dict[str, Any] | ModelError], usage: ModelUsage = _USAGE) -> None:
        self._script: Iterator[str | dict[str, Any] | ModelError] = iter(script)
        self._usage = usage
        self.requests: list[ModelRequest] = []
        """What was asked, in order."""

    @property
    def name(self) -> str:
        return "scripted:model"

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The next answer.

        Raises:
            ModelError: the script says so.
            AssertionError: the script is at its end.
        """
        self.requests.append(request)
        try:
            answer = next(self._script)
        except StopIteration:
            raise AssertionError(f"the script has no answer to request {len(self.requests)}") from None
        if isinstance(answer, ModelError):
            raise answer
        if isinstance(answer, str):
            return ModelReply(answer, None, self._usage)
        return ModelReply(json.dumps(answer), answer, self._usage)
