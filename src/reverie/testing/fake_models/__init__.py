"""A model server for tests: the Messages API and chat completions, answered by a script or a function."""

from reverie.testing.fake_models.journal import Recorded, read_journal
from reverie.testing.fake_models.policy import Policy, PolicyError, load_policy, read_script
from reverie.testing.fake_models.reply import (
    QUIRKS,
    Fault,
    FaultName,
    RedactedThinking,
    Reply,
    Text,
    Thinking,
    ToolUse,
    Usage,
    call,
    fault,
    redacted,
    say,
    think,
)
from reverie.testing.fake_models.request import Request, ToolResult
from reverie.testing.fake_models.server import FakeModels

serve = FakeModels
"""``with serve(policy) as server: server.url``."""

__all__ = [
    "QUIRKS",
    "FakeModels",
    "Fault",
    "FaultName",
    "Policy",
    "PolicyError",
    "Recorded",
    "RedactedThinking",
    "Reply",
    "Request",
    "Text",
    "Thinking",
    "ToolResult",
    "ToolUse",
    "Usage",
    "call",
    "fault",
    "load_policy",
    "read_journal",
    "read_script",
    "redacted",
    "say",
    "serve",
    "think",
]
