"""``reverie serve --with-worker`` as a process: agents whose tools run, in either kind of environment."""

from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie.settings import Settings
from reverie.testing.fake_models import Request, call, say, serve
from reverie.testing.server_process import running_server
from tests.cli.test_worker import ended
from tests.turns.test_turn import send

TOOLS = [{"type": "agent_toolset_20260401"}]


def policy(request: Request) -> Any:
    """Looks for secrets, then says what it found."""
    if request.results:
        return say(request.results[-1].text)
    return call("bash", {"command": "echo $((6 * 7)); env"})


@pytest.mark.parametrize("kind", ["cloud", "self_hosted"])
async def test_an_agent_of_a_plain_server_runs_commands(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with serve(policy) as models:
        monkeypatch.setenv("REVERIE_MODEL", "anthropic:any")
        monkeypatch.setenv("REVERIE_MODEL_URL", models.url)
        options = ("--no-key", "--with-worker", "2", "--isolation", "none")
        with running_server(settings, tmp_path / "log", *options) as server:
            async with AsyncAnthropic(api_key="any", base_url=server.url) as client:
                config: Any = {"type": kind}
                environment = await client.beta.environments.create(name="p", config=config)
                agent = await client.beta.agents.create(name="a", model="any", tools=TOOLS)  # type: ignore[arg-type]
                session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
                await send(client, session.id, "Go")
                events = await ended(client, session.id)
    (said,) = [event.content[0].text for event in events if event.type == "agent.message"]
    assert said.startswith("42\n") and "DATABASE_URL" not in said and "REVERIE" not in said
