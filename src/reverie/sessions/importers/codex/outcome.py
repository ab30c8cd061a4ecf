"""How a tool's run went, as Codex says it: beside the result, within it, or in a line of its own."""

import re
from collections.abc import Mapping
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.parts import result_texts

_CODE = re.compile(
    r"\A(?:Chunk ID: .*\n)?(?:Wall time: .*\n)?(?:Process exited with code|Exit code:?) (-?\d+)", re.IGNORECASE
)
_RAN = frozenset({"exec_command_end", "patch_apply_end", "mcp_tool_call_end"})
_ITEMS = frozenset({"commandexecution", "filechange", "mcptoolcall", "dynamictoolcall", "collabagenttoolcall"})


def result_of(output: Any) -> tuple[list[str], bool | None]:
    """A result's texts, and whether it says itself that the run failed."""
    if isinstance(output, str):
        return _of_text(output)
    if isinstance(output, Mapping) and not isinstance(output.get("type"), str):
        texts, failed = result_of(output.get("content") or output.get("content_items") or output.get("output") or "")
        stated = output.get("success")
        return texts, (not stated if isinstance(stated, bool) else failed)
    texts = list(result_texts(output))
    return texts, _of_text(texts[0])[1] if texts else None


def _of_text(text: str) -> tuple[list[str], bool | None]:
    code = _CODE.match(text)
    if code:
        return [text], code[1] != "0"
    if not text.startswith("{"):
        return [text], None
    try:
        value = decode_json(text)
    except ImportFormatError:
        return [text], None
    held = value.get("metadata") if isinstance(value, dict) else None
    if isinstance(held, dict) and isinstance(value.get("output"), str):  # as it was until the autumn of 2025
        code_given = held.get("exit_code")
        return [value["output"]], code_given != 0 if isinstance(code_given, int) else None
    return [text], None


def failure_told(payload: Mapping[str, Any]) -> tuple[str, bool] | None:
    """The call id and whether its run failed, of an event that tells of a tool's end; None for any other event."""
    item = payload.get("item")
    if payload.get("type") == "item_completed" and isinstance(item, dict):
        kind, call_id = str(item.get("type")).replace("_", "").lower(), item.get("id")
        held: Mapping[str, Any] = item
        if kind not in _ITEMS:
            return None
    else:
        held, call_id = payload, payload.get("call_id")
        if as_text(payload.get("type")) not in _RAN:
            return None
    failed = _failed(held)
    return (call_id, failed) if isinstance(call_id, str) and failed is not None else None


def _failed(held: Mapping[str, Any]) -> bool | None:
    code, success, result, status = (held.get(name) for name in ("exit_code", "success", "result", "status"))
    if isinstance(code, int):
        return code != 0
    if isinstance(success, bool):
        return not success
    if isinstance(result, dict):
        inner = result.get("Ok", result)
        return "Err" in result or (isinstance(inner, dict) and (inner.get("isError") or inner.get("is_error")) is True)
    return True if status in ("failed", "error", "declined") else False if status == "completed" else None
