"""Official clients that hold every answer to the SDK's own types, without the leniency of the SDK.

The SDK builds its models from whatever arrives. Here each answer, each page and each streamed event is validated
strictly against the type that the called method casts to; the server's own declarations play no part.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx2
from anthropic import Anthropic, AsyncAnthropic, BaseModel
from pydantic import TypeAdapter, ValidationError

from tests.conformance.divergences import MAY_BE_ABSENT

COMPLAINTS: list[str] = []
"""What was wrong so far: helpers of the SDK that try again hide an error that is only raised."""


class StrictAnthropic(Anthropic):
    """The sync client, strict."""

    def _process_response_data(self, *, data: object, cast_to: Any, response: httpx2.Response) -> Any:
        check(cast_to, data)
        return super()._process_response_data(data=data, cast_to=cast_to, response=response)


class StrictAsyncAnthropic(AsyncAnthropic):
    """The async client, strict."""

    def _process_response_data(self, *, data: object, cast_to: Any, response: httpx2.Response) -> Any:
        check(cast_to, data)
        return super()._process_response_data(data=data, cast_to=cast_to, response=response)


def check(cast_to: Any, data: object) -> None:
    """Accept ``data`` that is exactly what ``cast_to`` says, its nullable members present.

    Raises:
        pydantic.ValidationError: a value is missing, or of another type.
        AssertionError: a nullable member is left out.
    """
    if data is None:
        return  # a poll that found nothing; the SDK gives None whatever the type
    try:
        value = _adapter(cast_to).validate_json(json.dumps(data), strict=True)
        absent = set(_absent(value)) - MAY_BE_ABSENT.keys()
        assert not absent, f"nullable members should be null, not left out: {sorted(absent)} in {data}"
    except (ValidationError, AssertionError) as error:
        COMPLAINTS.append(str(error))
        raise


@cache
def _adapter(cast_to: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cast_to)


def _absent(value: object) -> Iterator[str]:
    """``Type.member`` of every member that the answer leaves out, at any depth."""
    if isinstance(value, BaseModel):
        name = type(value).__name__.partition("[")[0]
        for field in type(value).model_fields:
            if field in value.model_fields_set:
                yield from _absent(getattr(value, field))
            else:
                yield f"{name}.{field}"
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _absent(item)
