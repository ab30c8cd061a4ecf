"""What every refusal looks like."""

import httpx2


def check_refusal(answer: httpx2.Response) -> None:
    """Accept a refusal of a client's mistake: a status of 4xx, and the error envelope with the request's id.

    Raises:
        AssertionError: it is something else.
    """
    told = f"{answer.status_code} {answer.text[:500]}"
    assert 400 <= answer.status_code < 500, told
    body = answer.json()
    assert body.keys() == {"type", "error", "request_id"}, told
    assert body["type"] == "error", told
    assert body["error"]["type"].endswith(("_error", "request_too_large")), told
    assert body["error"]["message"], told
    assert body["request_id"] == answer.headers["request-id"], told
