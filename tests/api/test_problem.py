"""What a request that is not as it should be is answered."""

from typing import Any

import msgspec
import pytest

from reverie.api.wire_type import SdkType
from reverie.errors import InputError

TYPES = {
    "agent": SdkType("beta.AgentCreateParams"),
    "session": SdkType("beta.SessionCreateParams"),
    "events": SdkType("beta.sessions.EventSendParams"),
    "environment": SdkType("beta.EnvironmentCreateParams"),
    "credential": SdkType("beta.vaults.CredentialCreateParams"),
    "dream": SdkType("beta.DreamCreateParams"),
}
SESSION: dict[str, Any] = {"agent": "agent_1", "environment_id": "env_1"}


def agent(**fields: Any) -> tuple[str, Any]:
    return "agent", {"name": "a", "model": "any", **fields}


def tool(**fields: Any) -> tuple[str, Any]:
    return agent(tools=[{"type": "agent_toolset_20260401", **fields}])


def event(**fields: Any) -> tuple[str, Any]:
    return "events", {"events": [{"type": "user.message", "content": [{"type": "text", "text": "Hi."}]}, fields]}


CASES = [
    (("agent", {"name": "a"}), "model: is needed"),
    (("agent", []), "give an object, not a list"),
    (agent(nmae="b"), "nmae: there is no such field (did you mean 'name'?); known here: description, "),
    (agent(model=3), "model: give a string or an object, not a number"),
    (agent(model={"id": "llama", "sped": "fast"}), "model.sped: there is no such field (did you mean 'speed'?); known"),
    (agent(model={"id": "llama", "speed": "slow"}), "model.speed: 'slow' is not allowed; give '"),
    (agent(model={"id": 4}), "model.id: give a string, not a number"),
    (agent(model={"speed": "fast"}), "model.id: is needed"),
    (agent(model={"id": "m", "effort": "huge"}), "model.effort: 'huge' is not allowed; give 'low', 'medium', 'high', "),
    (agent(model={"id": "m", "effort": {"type": "huge"}}), "model.effort.type: 'huge' is not allowed; give 'low', "),
    (agent(system=["Be brief."]), "system: give a string, not a list"),
    (agent(metadata={"a": 3}), "metadata.a: give a string, not a number"),
    (agent(tools="bash"), "tools: give a list, not a string"),
    (agent(tools=["bash"]), "tools.0: give an object, not a string"),
    (agent(tools=[{"name": "bash"}]), "tools.0.type: is needed: 'agent_toolset_20260401', 'custom' or 'mcp_toolset'"),
    (agent(tools=[{"type": "bash"}]), "tools.0.type: 'bash' is not allowed; give 'agent_toolset_20260401', "),
    (agent(tools=[{"type": "custom", "name": "a"}]), "tools.0.description: is needed"),
    (tool(configs=[{"name": "sh"}]), "tools.0.configs.0.name: 'sh' is not allowed; give 'bash', 'edit', "),
    (tool(configs=[{}]), "tools.0.configs.0.name: is needed: 'bash', 'edit', "),
    (tool(configs=[{"name": "read", "on": True}]), "tools.0.configs.0.on: there is no such field; known here: enabled"),
    (tool(configs=[{"name": "read", "enabled": "yes"}]), "tools.0.configs.0.enabled: give true or false, not a string"),
    (
        tool(default_config={"permission_policy": {"type": "never"}}),
        "tools.0.default_config.permission_policy.type: 'never' is not allowed; give 'always_allow', 'always_ask' or",
    ),
    (
        agent(multiagent={"type": "coordinator", "agents": [{"id": "x"}]}),
        "multiagent.agents.0.type: is needed: 'advisor', 'agent' or 'self'",
    ),
    (
        agent(multiagent={"type": "coordinator", "agents": [3]}),
        "multiagent.agents.0: give an object or a string, not a",
    ),
    (("session", {**SESSION, "agent": {"id": "x"}}), "agent.type: is needed: 'agent' or 'agent_with_overrides'"),
    (("session", {**SESSION, "agent": {"type": "agent"}}), "agent.id: is needed"),
    (("session", {**SESSION, "agent": {"type": "worker", "id": "x"}}), "agent.type: 'worker' is not allowed; give "),
    (("session", {**SESSION, "agent": {"type": "agent", "id": "x", "v": 1}}), "agent.v: there is no such field; known"),
    (("session", {**SESSION, "title": 3}), "title: give a string, not a number"),
    (
        ("session", {**SESSION, "resources": [{"type": "github_repository", "url": "x", "checkout": {"type": "tag"}}]}),
        "resources.0.checkout.type: 'tag' is not allowed; give 'branch' or 'commit'",
    ),
    (event(type="user.mesage", content=[]), "events.1.type: 'user.mesage' is not allowed; give "),
    (event(type="user.message", content="Hi."), "events.1.content: give a list, not a string"),
    (event(type="user.message", content=["Hi."]), "events.1.content.0: give an object, not a string"),
    (event(type="user.message", content=[{"type": "text"}]), "events.1.content.0.text: is needed"),
    (
        event(type="user.message", content=[{"type": "text", "text": 3}]),
        "events.1.content.0.text: give a string, not a",
    ),
    (
        event(type="user.message", content=[{"type": "image", "source": {"type": "base64", "data": "x"}}]),
        "events.1.content.0.source.media_type: is needed",
    ),
    (
        event(type="user.message", content=[{"type": "document", "source": {"type": "file", "file_id": 1}}]),
        "events.1.content.0.source.file_id: give a string, not a number",
    ),
    (
        ("environment", {"name": "x", "config": {"type": "cloudy"}}),
        "config.type: 'cloudy' is not allowed; give 'cloud'",
    ),
    (
        ("environment", {"name": "x", "config": {"type": "cloud", "networking": {"type": "limited", "hosts": []}}}),
        "config.networking.hosts: there is no such field",
    ),
    (("credential", {"auth": {"type": "password"}}), "auth.type: 'password' is not allowed; give "),
    (("credential", {"auth": {"type": "static_bearer", "token": "x"}}), "auth.mcp_server_url: is needed"),
    (
        ("dream", {"inputs": [{"type": "sessions", "session_ids": "x"}], "model": "m"}),
        "inputs.0.session_ids: give a list",
    ),
]


@pytest.mark.parametrize(("request_", "message"), CASES, ids=[message[:40] for _, message in CASES])
def test_the_first_mistake_is_named_with_what_would_be_right(request_: tuple[str, Any], message: str) -> None:
    kind, body = request_
    with pytest.raises(InputError) as caught:
        TYPES[kind].read_json(msgspec.json.encode(body))
    assert str(caught.value).startswith(message)
    for internal in ("tagged-union", "literal[", "Beta", "Params", "claude-", "Input "):
        assert internal not in str(caught.value)


@pytest.mark.parametrize("model", ["llama-4", "claude-opus-5-5", {"id": "mistral/large", "speed": "fast"}])
def test_any_text_is_a_model_s_id(model: Any) -> None:
    assert TYPES["agent"].read_json(msgspec.json.encode({"name": "a", "model": model}))["model"] == model
