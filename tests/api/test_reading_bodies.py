"""Where the bodies of requests are decoded."""

import threading
from collections.abc import AsyncIterator
from unittest.mock import Mock

import pytest

from reverie.api.pipeline import LARGE_BODY_BYTES, _read_body


@pytest.mark.parametrize(("size", "apart"), [(2, False), (LARGE_BODY_BYTES, True)])
async def test_a_large_body_is_decoded_outside_the_event_loop(size: int, apart: bool) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b" " * size

    endpoint = Mock(method="POST", raw_body=False)
    endpoint.body.read_json = lambda _: threading.current_thread()
    request = Mock(headers={}, stream=stream)
    assert (await _read_body(endpoint, request) is not threading.current_thread()) is apart
