import asyncio
import runpy
from pathlib import Path

import pytest

from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from tests.api.conftest import running

EXAMPLE = Path(__file__).parents[2] / "examples" / "served_agent.py"


async def test_the_example_runs_against_a_server_and_says_what_can_be_told(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    main = runpy.run_path(str(EXAMPLE))["main"]
    async with running(settings, ServiceOptions()) as server:
        await asyncio.to_thread(main, server.url, await server.key())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "dream completed"
    assert lines[1].startswith("not enough repeats to tell")
