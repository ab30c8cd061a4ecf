"""What the Messages API refuses, in its words. Where its words are not known, the rule is said in ours."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from reverie.testing.fake_models.problem import Problem
from reverie.testing.fake_models.request import as_blocks
from reverie.testing.fake_models.signature import THOUGHTS, IssuedReplies

# The SDK says these too, but takes two seconds to load; a test holds them equal.
FIELDS = (
    "billing_policy",
    "cache_control",
    "compaction",
    "container",
    "context_management",
    "diagnostics",
    "fallback_credit_token",
    "fallbacks",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "thinking",
    "thread",
    "tool_choice",
    "tools",
    "user_profile_id",
    "workspace_id",
)
"""Fields of a request."""
KINDS = (
    "advisor_tool_result",
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "compaction",
    "container_upload",
    "document",
    "fallback",
    "image",
    "mcp_tool_listing",
    "mcp_tool_result",
    "mcp_tool_use",
    "redacted_thinking",
    "search_result",
    "server_tool_use",
    "text",
    "text_editor_code_execution_tool_result",
    "thinking",
    "tool_addition",
    "tool_removal",
    "tool_result",
    "tool_search_tool_result",
    "tool_use",
    "web_fetch_tool_result",
    "web_search_tool_result",
)
"""Types of blocks in a message."""
_RESULT_KINDS = ("text", "image", "document", "search_result", "tool_reference", "browser_state")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_-]+")
_BREAKPOINTS = 4
_LEAST_BUDGET_TOKENS = 1_024
_FIELD_TYPES: dict[str, dict[str, tuple[type, ...]]] = {
    "text": {"text": (str,)},
    "thinking": {"thinking": (str,), "signature": (str,)},
    "redacted_thinking": {"data": (str,)},
    "tool_use": {"id": (str,), "name": (str,), "input": (dict,)},
    "tool_result": {"tool_use_id": (str,)},
    "image": {"source": (dict,)},
    "document": {"source": (dict,)},
    "search_result": {"content": (list,), "source": (str,), "title": (str,)},
}
"""What the commonest blocks must have; others are taken as they are."""
_TYPE_WORDS = {str: "string", dict: "dictionary", list: "list", int: "integer"}
_OF_ASSISTANT = ("tool_use", "server_tool_use", *THOUGHTS)


class _Turn(msgspec.Struct, frozen=True):
    """Consecutive messages of one role, with the place of each block (``messages.3.content.0``)."""

    role: str
    place: str
    blocks: list[tuple[str, dict[str, Any]]]

    def of(self, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        return [(place, block) for place, block in self.blocks if block["type"] in kinds]


def check_messages_request(body: dict[str, Any], issued: IssuedReplies, *, counting: bool, prefill: bool) -> None:
    """Say nothing when the real server would take the request.

    Args:
        body: the parsed body.
        issued: what this server sent before.
        counting: whether only tokens are to be counted, which needs no ``max_tokens``.
        prefill: whether the last message may be the assistant's.

    Raises:
        Problem: the first thing that is wrong.
    """
    _check_fields(body, counting)
    for index, message in enumerate(body["messages"]):
        _check_message(f"messages.{index}", message)
    _check_tools(body)
    _check_thinking_setting(body)
    _check_breakpoints(body)
    _check_texts(body)
    turns = _turns(body["messages"])
    if turns[0].role != "user" or body["messages"][0]["role"] == "system":
        raise Problem('messages: first message must use the "user" role')
    _check_last(turns[-1], prefill)
    _check_owners(turns)
    _check_calls(turns)
    _check_names(body, turns, issued)
    _check_thoughts(body, turns, issued)


def _check_fields(body: dict[str, Any], counting: bool) -> None:
    needed: dict[str, type] = {"model": str, "messages": list} | ({} if counting else {"max_tokens": int})
    for name, kind in needed.items():
        _need(name, body, name, (kind,))
    for name in body:
        if name not in FIELDS:
            raise Problem(f"{name}: Extra inputs are not permitted")
    if not counting and body["max_tokens"] < 1:
        raise Problem("max_tokens: Input should be greater than or equal to 1")
    if not body["model"]:
        raise Problem("model: String should have at least 1 character")
    if not body["messages"]:
        raise Problem("messages: at least one message is required")
    for name, kind in (("tools", list), ("thinking", dict), ("tool_choice", dict), ("stop_sequences", list)):
        if body.get(name) is not None:
            _need(name, body, name, (kind,))
    if not isinstance(body.get("stream") or False, bool):
        raise Problem("stream: Input should be a valid boolean")
    system = body.get("system")
    if system is not None:
        _check_content("system", system, ("text",))


def _need(place: str, holder: dict[str, Any], field: str, kinds: tuple[type, ...]) -> None:
    if field not in holder:
        raise Problem(f"{place}: Field required")
    value = holder[field]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise Problem(f"{place}: Input should be a valid {_TYPE_WORDS[kinds[0]]}")


def _check_message(place: str, message: Any) -> None:
    if not isinstance(message, dict):
        raise Problem(f"{place}: Input should be a valid dictionary")
    for field in ("role", "content"):
        if field not in message:
            raise Problem(f"{place}.{field}: Field required")
    if message["role"] not in ("user", "assistant", "system"):
        raise Problem(f"{place}.role: Input should be 'user', 'assistant' or 'system'")
    for field in message:
        if field not in ("role", "content"):
            raise Problem(f"{place}.{field}: Extra inputs are not permitted")
    _check_content(f"{place}.content", message["content"], ("text",) if message["role"] == "system" else KINDS)


def _check_content(place: str, content: Any, kinds: tuple[str, ...]) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise Problem(f"{place}: Input should be a valid list")
    for index, block in enumerate(content):
        _check_block(f"{place}.{index}", block, kinds)


def _check_block(place: str, block: Any, kinds: tuple[str, ...]) -> None:
    if not isinstance(block, dict):
        raise Problem(f"{place}: Input should be a valid dictionary")
    kind = block.get("type")
    if not isinstance(kind, str):
        raise Problem(f"{place}.type: Field required")
    if kind not in kinds:
        tags = ", ".join(f"'{tag}'" for tag in kinds)
        raise Problem(f"{place}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}")
    for field, types in _FIELD_TYPES.get(kind, {}).items():
        _need(f"{place}.{kind}.{field}", block, field, types)
    if kind == "tool_use" and not _TOOL_USE_ID.fullmatch(block["id"]):
        raise Problem(f"{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if kind in THOUGHTS and "cache_control" in block:
        raise Problem(f"{place}.{kind}.cache_control: Extra inputs are not permitted")
    if kind == "tool_result":
        _check_content(f"{place}.tool_result.content", block.get("content") or "", _RESULT_KINDS)
        if block.get("is_error") and not block.get("content"):
            raise Problem(f"{place}.tool_result: content cannot be empty if `is_error` is true")


def _check_tools(body: dict[str, Any]) -> None:
    names = []
    for index, tool in enumerate(body.get("tools") or ()):
        place = f"tools.{index}"
        if not isinstance(tool, dict):
            raise Problem(f"{place}: Input should be a valid dictionary")
        if tool.get("type", "custom") == "custom":
            _need(f"{place}.custom.name", tool, "name", (str,))
            if not _TOOL_NAME.fullmatch(tool["name"]):
                raise Problem(f"{place}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
            _need(f"{place}.custom.input_schema", tool, "input_schema", (dict,))
            if tool["input_schema"].get("type") != "object":
                raise Problem(f"{place}.custom.input_schema.type: Input should be 'object'")
        if "name" in tool:
            _need(f"{place}.name", tool, "name", (str,))
            names.append(tool["name"])
    if len(set(names)) < len(names):
        raise Problem("tools: Tool names must be unique.")
    choice = body.get("tool_choice")
    if choice and choice.get("type") != "none" and not body.get("tools"):
        raise Problem("tool_choice may only be specified while providing tools.")
    if choice and choice.get("type") == "tool" and choice.get("name") not in names:
        raise Problem(f"tool_choice: Tool '{choice.get('name')}' not found in provided tools")


def _check_thinking_setting(body: dict[str, Any]) -> None:
    setting = body.get("thinking") or {}
    kind = setting.get("type", "disabled")
    if kind not in ("enabled", "adaptive", "disabled", "between_tools"):
        raise Problem(f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    if kind == "enabled":
        _need("thinking.enabled.budget_tokens", setting, "budget_tokens", (int,))
        if setting["budget_tokens"] < _LEAST_BUDGET_TOKENS:
            raise Problem("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if setting["budget_tokens"] >= body.get("max_tokens", setting["budget_tokens"] + 1):
            raise Problem("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if kind in ("enabled", "adaptive") and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise Problem("Thinking may not be enabled when tool_choice forces tool use.")


def _check_breakpoints(body: dict[str, Any]) -> None:
    lifetimes = [_lifetime(control) for control in _controls(body)]
    if len(lifetimes) > _BREAKPOINTS:
        raise Problem(f"A maximum of 4 blocks with cache_control may be provided. Found {len(lifetimes)}.")
    if lifetimes != sorted(lifetimes):  # 1h before 5m
        raise Problem("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.")


def _lifetime(control: Any) -> str:
    if not isinstance(control, dict):
        raise Problem("cache_control: Input should be a valid dictionary")
    if control.get("type") != "ephemeral":
        raise Problem("cache_control.type: Input should be 'ephemeral'")
    if control.get("ttl") not in (None, "5m", "1h"):
        raise Problem("cache_control.ephemeral.ttl: Input should be '5m' or '1h'")
    return control.get("ttl") or "5m"


def _controls(body: dict[str, Any]) -> Iterator[Any]:
    blocks: list[dict[str, Any]] = [*(body.get("tools") or ()), *as_blocks(body.get("system"))]
    for message in body["messages"]:
        for block in as_blocks(message["content"]):
            inner = as_blocks(block.get("content")) if block["type"] == "tool_result" else []
            blocks += [*inner, block]
    for holder in [*blocks, body]:
        if holder.get("cache_control") is not None:
            yield holder["cache_control"]


def _check_texts(body: dict[str, Any]) -> None:
    _check_text("system", as_blocks(body.get("system")))
    last = len(body["messages"]) - 1
    for index, message in enumerate(body["messages"]):
        blocks = as_blocks(message["content"])
        final = index == last and message["role"] == "assistant"
        if not blocks and not final:
            raise Problem(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
                "message"
            )
        _check_text("messages", blocks)
        for block in blocks:
            if block["type"] == "tool_result":
                _check_text(
                    "messages", [] if isinstance(block.get("content"), str) else as_blocks(block.get("content"))
                )


def _check_text(place: str, blocks: Iterable[dict[str, Any]]) -> None:
    for block in blocks:
        if block["type"] == "text" and not block["text"]:
            raise Problem(f"{place}: text content blocks must be non-empty")
        if block["type"] == "text" and not block["text"].strip():
            raise Problem(f"{place}: text content blocks must contain non-whitespace text")


def _turns(messages: list[dict[str, Any]]) -> list[_Turn]:
    """The messages, consecutive ones of a role joined as the real server joins them."""
    turns: list[_Turn] = []
    for index, message in enumerate(messages):
        role = "user" if message["role"] == "system" else message["role"]
        placed = [
            (f"messages.{index}.content.{position}", block)
            for position, block in enumerate(as_blocks(message["content"]))
        ]
        if turns and turns[-1].role == role:
            turns[-1].blocks.extend(placed)
        else:
            turns.append(_Turn(role, f"messages.{index}", placed))
    return turns


def _check_last(turn: _Turn, prefill: bool) -> None:
    if turn.role != "assistant":
        return
    if turn.blocks and turn.blocks[-1][1]["type"] == "text":
        text = turn.blocks[-1][1]["text"]
        if text != text.rstrip():
            raise Problem("messages: final assistant content cannot end with trailing whitespace")
    if not prefill and not turn.of("tool_use"):
        raise Problem(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )


def _check_owners(turns: list[_Turn]) -> None:
    for turn in turns:
        for place, block in turn.blocks:
            if turn.role == "user" and block["type"] in _OF_ASSISTANT:
                raise Problem(f"{place}: `{block['type']}` blocks can only be in `assistant` messages")
            if turn.role == "assistant" and block["type"] == "tool_result":
                raise Problem(f"{place}: `tool_result` blocks can only be in `user` messages")


def _check_calls(turns: list[_Turn]) -> None:
    """Each call has one result, at the beginning of the next message, and each result a call."""
    seen: set[str] = set()
    for before, turn, after in zip([None, *turns], turns, [*turns[1:], None], strict=False):
        calls = turn.of("tool_use")
        for place, block in calls:
            if block["id"] in seen:
                raise Problem(f"{place}: `tool_use` ids must be unique")
            seen.add(block["id"])
        answered = _first_results(after)
        missing = [block["id"] for _, block in calls if block["id"] not in answered]
        if missing:
            raise Problem(
                f"{turn.place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )
        _check_results(turn, {block["id"] for _, block in before.of("tool_use")} if before else set())


def _first_results(turn: _Turn | None) -> set[str]:
    """Ids of the results that a message begins with."""
    answered: set[str] = set()
    for _, block in turn.blocks if turn else ():
        if block["type"] != "tool_result":
            break
        answered.add(block["tool_use_id"])
    return answered


def _check_results(turn: _Turn, calls: set[str]) -> None:
    answered: set[str] = set()
    for place, block in turn.of("tool_result"):
        name = block["tool_use_id"]
        if name not in calls:
            raise Problem(
                f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {name}. Each `tool_result` block "
                "must have a corresponding `tool_use` block in the previous message."
            )
        if name in answered:
            raise Problem(
                f"{place}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {name}"
            )
        answered.add(name)


def _check_names(body: dict[str, Any], turns: list[_Turn], issued: IssuedReplies) -> None:
    tools = body.get("tools") or []
    if not tools and any(turn.of("tool_use", "tool_result") for turn in turns):
        raise Problem("Requests which include `tool_use` or `tool_result` blocks must define tools")
    if any("name" not in tool for tool in tools):  # a toolset: the names of its tools are not in the request
        return
    names = {tool["name"] for tool in tools}
    for turn in turns:
        for place, block in turn.of("tool_use"):
            if block["name"] not in names and block["id"] not in issued.undeclared:
                raise Problem(
                    f"{place}.tool_use.name: tool '{block['name']}' is not among the declared tools: "
                    f"{', '.join(sorted(names))}"
                )


def _check_thoughts(body: dict[str, Any], turns: list[_Turn], issued: IssuedReplies) -> None:
    model, setting = body["model"], (body.get("thinking") or {}).get("type", "")
    spoken = [turn for turn in turns if turn.role == "assistant"]
    if spoken:
        latest = spoken[-1]
        _check_begun(latest, setting, issued)
        issued.check_unchanged(model, latest.blocks, setting)
    for turn in spoken:
        for place, block in turn.of(*THOUGHTS):
            issued.check_genuine(model, place, block)


def _check_begun(turn: _Turn, setting: str, issued: IssuedReplies) -> None:
    """With thinking enabled, the message whose calls are being answered begins with a thought, if it ever did."""
    calls = turn.of("tool_use")
    if setting != "enabled" or not calls or turn.of(*THOUGHTS):
        return
    if any(not issued.knows(block["id"]) or issued.has_thoughts(block["id"]) for _, block in calls):
        place, first = turn.blocks[0]
        raise Problem(
            f"{place}.type: Expected `thinking` or `redacted_thinking`, but found `{first['type']}`. When `thinking` "
            "is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of "
            "`tool_use` and `tool_result` blocks). To avoid this requirement, disable `thinking`."
        )
