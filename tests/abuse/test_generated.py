"""Requests that are generated from the OpenAPI document: none makes the server fail."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from schemathesis.core.result import Ok

from reverie.api.app import ENDPOINTS
from tests.conformance.served import Served

EXAMPLES = int(os.environ.get("REVERIE_ABUSE_EXAMPLES", "2"))
"""Requests an operation; `make bench` looks at many more."""
STREAMED = ("text/event-stream",)


@pytest.fixture(scope="module")
def session(served: Served) -> Iterator[requests.Session]:
    """What sends the requests, with an admin's key."""
    with requests.Session() as session:
        session.headers["authorization"] = f"Bearer {asyncio.run(served.key())}"
        yield session


@pytest.fixture(scope="module")
def operations(served: Served) -> dict[str, Any]:
    """The operations of the server's own document, by name."""
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json", timeout=60)
    found: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) == len(ENDPOINTS)
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.mark.parametrize("name", [x.name for x in ENDPOINTS if x.answer_media not in STREAMED])
def test_generated_requests_are_answered_or_refused_in_the_envelope(
    name: str, operations: dict[str, Any], session: requests.Session
) -> None:
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operations[name].as_strategy())
    def probe(case: Any) -> None:
        answer = case.call(session=session, timeout=30)
        told = f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500, told
        if answer.status_code >= 400:
            assert answer.json().keys() == {"type", "error", "request_id"}, told

    probe()
