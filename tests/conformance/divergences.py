"""Where the server differs from the hosted service or from what the SDK's types allow, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference."""

    about: str
    hosted: str
    here: str
    reason: str


DIVERGENCES = (
    Divergence(
        "Agents at work",
        "The service samples the model and runs the tools.",
        "Whoever runs the agent records what it does with `POST /v1/sessions/{id}/record`; status events, usage and "
        "pending answers are added in canonical order.",
        "Any framework and any model can be the agent; sessions stay the same on the wire.",
    ),
    Divergence(
        "Cloud environments",
        "Each session has a sandbox with packages and a network policy.",
        "With `reverie serve --with-worker` each session has a sandbox on the server's machine, isolated by bubblewrap "
        "where that works; `packages` are not installed, and `limited` networking is none at all there (not enforced "
        "without bubblewrap). Without it the agent is told that nobody runs its tools.",
        "Whoever operates the server decides whether commands run on it.",
    ),
    Divergence(
        "Beta headers",
        "Required, and unknown names are refused.",
        "Optional; `reverie serve --strict-betas` insists on them.",
        "Older and newer clients work side by side.",
    ),
    Divergence(
        "Models",
        "Ids of the catalogue.",
        "Any id is kept as given; nothing is priced, so `list_cost` is left out.",
        "The server does not know which models its users run.",
    ),
    Divergence(
        "Budgets",
        "A session idles with `budget_reached` at its cap.",
        "Budgets are kept and shown, not enforced.",
        "Without prices there is no cost to hold against the cap.",
    ),
    Divergence(
        "Messages to a session that waits for an answer",
        "A lone system message is refused.",
        "A `user.message` is refused too, and the refusal names the tool uses that wait.",
        "It could not be processed before they are answered.",
    ),
    Divergence(
        "Memory paths",
        "Nothing is said of a memory at `/a` beside one at `/a/b`.",
        "They conflict (409).",
        "Stores are mounted as folders, where a file cannot be a folder.",
    ),
    Divergence(
        "Memory versions",
        "Kept for 30 days, the latest ones longer.",
        "Kept until their store is deleted.",
        "What a lesson was is part of the evidence.",
    ),
    Divergence(
        "Dreams",
        "A model reads the sessions; `model` and `instructions` steer it.",
        "Mined from outcomes without a model; `model` is kept and shown, the server's configured model is asked where "
        "there is one, and `instructions` reach it alone.",
        "Lessons rest on counted evidence; see `docs/patterns.md`.",
    ),
    Divergence(
        "Files",
        "Uploads of users cannot be downloaded.",
        "They can.",
        "They are the user's own, on the user's own server.",
    ),
    Divergence(
        "Skills",
        "Anthropic's own skills are listed too.",
        "Uploaded skills only.",
        "There are no others.",
    ),
    Divergence(
        "Versions of skills",
        "A custom skill that an agent names without a version is the latest one whenever a session starts.",
        "It is pinned to the latest version of when the agent is saved; sending it again pins anew.",
        "An agent's version means the same thing every time.",
    ),
    Divergence(
        "Schemas of custom tools",
        "`additionalProperties` and `$defs` in an `input_schema` are refused.",
        "They are accepted.",
        "Models take them, and generated schemas have them.",
    ),
    Divergence(
        "Recorded events",
        "Nothing is recorded from outside.",
        "A recorded message or result whose content is empty is refused as one that is sent (400); leave it out.",
        "Model APIs refuse such a history on every later turn.",
    ),
    Divergence(
        "Repositories",
        "`github_repository` resources are cloned into the sandbox.",
        "They are kept and shown; tokens can be rotated and are never shown.",
        "Sandboxes hold files, memory and skills; nothing is cloned into them yet.",
    ),
    Divergence(
        "Vault credentials",
        "`environment_variable` values are put in at egress; OAuth credentials are probed.",
        "`environment_variable` is refused; `mcp_oauth_validate` answers that it has not probed.",
        "There is no egress proxy, and credentials are used by turns alone.",
    ),
    Divergence(
        "Several agents",
        "`multiagent_20261001` runs workflows that agents write.",
        "The form is kept and shown; workflows are never run, and no `workflow_run.*` event is emitted.",
        "Coordinators with a roster are served whole.",
    ),
    Divergence(
        "Rate limits",
        "300 creates and 1,200 reads a minute.",
        "None, unless `reverie serve --rate-limit`.",
        "Who runs the server knows what it bears.",
    ),
    Divergence(
        "Webhooks",
        "Managed in a console.",
        "Managed at `/v1/organizations/webhooks`, in the shape that the SDK has there.",
        "There is no console to manage them in.",
    ),
)
"""What a user of the hosted service would notice."""

CLIENT_SIDE = {
    "environments.work.poller": "polls, acknowledges and stops",
    "environments.work.worker": "serves sessions with the SDK's own tools and memory sync",
    "sessions.events.tool_runner": "answers tool uses from the stream",
    "webhooks.unwrap": "verifies a delivery's signature",
    "webhooks.parse_unverified": "reads a delivery",
}
"""Methods that make no request of their own, or several: what they do."""

_PRIMARY = "events of the session's own thread name no thread"
_UNPRICED = "no price is known of the session's models"
_AS_SENT = "events are kept as they were sent"
_UNJUDGED = "permissions are not judged call by call"
MAY_BE_ABSENT: dict[str, str] = {
    "BetaManagedAgentsSessionUsage.list_cost": _UNPRICED,
    "BetaManagedAgentsSessionUsageSnapshot.list_cost": _UNPRICED,
    "BetaManagedAgentsAgentToolUseEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsAgentMCPToolUseEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsAgentCustomToolUseEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserInterruptEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserToolConfirmationEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserToolResultEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserCustomToolResultEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsAgentToolUseEvent.evaluation": _UNJUDGED,
    "BetaManagedAgentsAgentMCPToolUseEvent.evaluation": _UNJUDGED,
    "BetaManagedAgentsDeployment.budget": "the SDK says that it is absent where no budget is set",
    "BetaManagedAgentsSpanModelUsage.speed": _AS_SENT,
    "BetaManagedAgentsUserToolConfirmationEvent.deny_message": _AS_SENT,
    **{
        f"BetaManagedAgents{result}ToolResultEvent.{member}": _AS_SENT
        for result in ("User", "UserCustom", "Agent", "AgentMCP")
        for member in ("content", "is_error")
    },
    **{
        f"BetaManagedAgentsSessionUpdatedEvent.{member}": "the event says what changed, and nothing else"
        for member in ("agent", "budget", "metadata", "title")
    },
    **{
        f"BetaManagedAgents{tool}ToolConfig.{field}": "requests take no null, and what is answered can be sent again"
        for tool in ("WebFetch", "WebSearch")
        for field in ("allowed_domains", "blocked_domains")
    },
    "BetaFileMetadata.scope": "a file that belongs to no session has none",
}
"""Members that an answer may leave out where the SDK's type lets it, as ``Type.member``."""
