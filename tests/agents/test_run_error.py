import pytest

from reverie.agents.run_error import run_error, stops_schedule
from reverie.errors import InputError, ModelUnavailable, NotFoundError, RateError, ReverieError, StateError


@pytest.mark.parametrize(
    ("error", "kind", "stops"),
    [
        (StateError("x", code="environment_archived"), "environment_archived_error", True),
        (NotFoundError("x", code="environment_not_found"), "environment_not_found_error", True),
        (StateError("x", code="memory_store_archived"), "memory_store_archived_error", True),
        (NotFoundError("x", code="agent_not_found"), "session_resource_not_found_error", True),
        (InputError("x", code="self_hosted_resources_unsupported"), "self_hosted_resources_unsupported_error", True),
        (InputError("x"), "session_creation_rejected_error", False),
        (RateError("x", retry_after_seconds=1), "session_rate_limited_error", False),
        (ModelUnavailable("x"), "unknown_error", True),
    ],
)
def test_an_error_has_the_wires_type_and_stops_the_schedule_unless_it_may_pass(
    error: ReverieError, kind: str, stops: bool
) -> None:
    assert run_error(error) == {"type": kind, "message": "x"}
    assert stops_schedule(kind) is stops
