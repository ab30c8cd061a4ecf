"""Requests that are generated from the OpenAPI document, about things that exist: none makes the server fail."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from reverie.api.app import ENDPOINTS
from reverie.testing.patience import PATIENCE_SECONDS
from tests.conformance.requests import inhabit
from tests.conformance.served import Served
from tests.conformance.world import World

EXAMPLES = int(os.environ.get("REVERIE_ABUSE_EXAMPLES", "1"))
"""Good requests an operation, and bad ones; ``make abuse`` sends many more."""
ENDING = (".delete", ".archive", ".revoke")
NAMES = sorted((x.name for x in ENDPOINTS if x.answer_media != "text/event-stream"), key=lambda x: x.endswith(ENDING))
"""What ends the life of something comes last."""
STATUSES = {x.name for x in ENDPOINTS if x.error_form is not None}
"""Those that are refused by a ``google.rpc.Status``, as their clients read it."""


@pytest.fixture(scope="module")
def known(served: Served) -> tuple[str, Mapping[str, str]]:
    """An admin's secret, and ids of one of everything by path parameter."""

    async def make() -> tuple[str, Mapping[str, str]]:
        secret = await served.key()
        async with served.client(secret) as client, served.http(secret) as http:
            return secret, (await inhabit(World(served, client, http))).ids

    return asyncio.run(make())


@pytest.fixture(scope="module")
def session(known: tuple[str, Mapping[str, str]]) -> Iterator[requests.Session]:
    """What sends the requests, with an admin's key."""
    with requests.Session() as session:
        session.headers["authorization"] = f"Bearer {known[0]}"
        yield session


@pytest.fixture(scope="module")
def operations(served: Served) -> dict[str, Any]:
    """The operations of the server's own document, by name."""
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json", timeout=PATIENCE_SECONDS)
    found: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) == len(ENDPOINTS)
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
def test_generated_requests_are_answered_or_refused_in_the_envelope(
    name: str,
    mode: GenerationMode,
    operations: dict[str, Any],
    session: requests.Session,
    known: tuple[str, Mapping[str, str]],
) -> None:
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operations[name].as_strategy(mode))
    def probe(case: Any) -> None:
        case.path_parameters = {parameter: known[1][parameter] for parameter in case.path_parameters or {}}
        answer = case.call(session=session, timeout=PATIENCE_SECONDS)
        if answer.status_code >= 400:
            told = f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:500]}"
            assert answer.status_code < 500, told
            form = {"code", "message"} if name in STATUSES else {"type", "error", "request_id"}
            assert answer.json().keys() == form, told

    probe()
