"""Whether a tool's result reports an error: the one rule, decided when a session is digested.

What the source says itself (``is_error``) is believed. Otherwise the content decides, and only what is said outright
counts: prose or test output that has the word "error" in it is taken for a failure at a greater price than a failure
is missed, for behaviours such as ``after error`` are made of it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reverie.sessions.event import Event, text_of

_LONGEST_JSON = 1 << 20
_MOST_READ = 4_000
"""Characters from the beginning, and from the end, that are looked at in text."""
_LONGEST_SENTENCE = 400

_WORD = r"(?:error|erro|erreur|errore|fehler|hata|błąd|ошибка|错误|錯誤|エラー|오류)"
_LEAD = r"[^\w\[\](){}<>]{0,4}"
_NONE = r"(?!\W*(?:none|null|nil|false|n/a|nothing|no errors?|0)\b|\s*\[\s*\])"
"""After "error:", what says that there is none."""
_KINDS = "fatal|internal|unexpected|unhandled|uncaught|runtime|system|server|tool|execution|api|database|sql|validation"
_FIRST = re.compile(
    rf"""{_LEAD}\[?(?:(?:{_KINDS})\s+)*{_WORD}\s*(?:\[[\w-]+\]|\([\w -]+\)|\d+)?\W{{0,3}}?\s*[:：]{_NONE}(?=[\s\S]*\w)
    |{_LEAD}error\s+(?:executing|calling|running|invoking|processing|fetching|reading|writing|parsing|loading
        |opening|creating|updating|deleting|connecting|during|while|occurred)\b
    |{_LEAD}an?\s+(?:\w+\s+)?(?:error|exception)\s+(?:has\s+)?occurred\b
    |{_LEAD}(?:error|failed|failure)\W*\Z
    |{_LEAD}(?:fatal|panic|exception|failure):\s+\S
    |<(?:tool_use_)?error>
    |no\s+(?:\w+\s+)?code\s+was\s+found
    |(?:HTTP(?:/[\d.]+)?\s+)?[45]\d\d\s+(?:bad\s+request|unauthorized|forbidden|not\s+found|method\s+not\s+allowed
        |conflict|gone|too\s+many\s+requests|internal\s+server\s+error|bad\s+gateway|service\s+unavailable
        |gateway\s+time-?out)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""How a result begins that is an error message."""
_SENTENCE = re.compile(r"(?:failed|unable|could not|cannot) (?:to )?[a-z]+ ", re.IGNORECASE)
"""How an error message of one short line begins."""
_EXCEPTION = re.compile(r"(?:[\w$]+\.)*[A-Z]\w*(?:Error|Exception)(?:\s*:|\s*\Z|\s*\()|Exception in thread ")
_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?::|\Z)")
_SHELL = re.compile(
    r"""[\w./+-]{1,60}:\s.{0,300}?(?:command\ not\ found|no\ such\ file\ or\ directory|permission\ denied
        |operation\ not\ permitted|(?:is|not)\ a\ directory|syntax\ error.{0,200}|missing\ operand.{0,80}
        |(?:invalid|unrecognized|illegal)\ option.{0,80})\s*\Z
    |(?:zsh|fish):\s.*command\ not\ found
    |.{1,80}\ is\ not\ recognized\ as\ an\ internal\ or\ external\ command
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A line by which a shell or one of its programs says that it failed."""
_EXIT = re.compile(
    r"""\W{0,3}(?:(?:the\ )?(?:command|process|script|program|tool|job)\s+)?(?:finished|exited|failed|terminated
        |completed|ended)?\s*(?:with\s+)?(?:a\s+)?(?:non-zero\s+)?
        (?:(?:exit|return)[\ _-]?(?:code|status)|(?<=exited\ with\ )(?:code|status))\s*(?:is|of)?[:=>\s]*(-?\d+)\b
    |<returncode>\s*(-?\d+)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ASSIGNED = re.compile(r"""#?\s*var_\d+\s*=\s*["']?""")
"""Some agents are shown their results as assignments: ``# var_3 = "Error: user not found"``."""
_PYTHON = re.compile(r"""\{\s*'error':(?!\s*(?:None|False|''|""|\[\]|\{\}|0))""")
_JSON_WORDS = re.compile(r'error|exception|success|"ok"|status|exit|return_?code', re.IGNORECASE)

_ERROR_FIELDS = ("error", "Error", "errors", "exception", "error_message", "errorMessage")
_NO_ERRORS = frozenset({"", "none", "null", "false", "no", "0", "n/a", "ok"})
_STATUS_FIELDS = ("status", "type", "state", "result", "outcome")
_FAILED_WORDS = frozenset({"failed", "failure", "fail", "fatal"})
_EXPLAINED = ("message", "msg", "reason", "detail", "details", "description")
_EXIT_FIELDS = ("exit_code", "exitCode", "returncode", "return_code", "returnCode", "exit_status", "exitStatus")
_HTTP_FIELDS = ("status_code", "statusCode", "http_status", "httpStatus")


def tool_failed(event: Event) -> bool:
    """Whether a tool result (``agent.tool_result``, ``user.tool_result``) reports an error."""
    flag = event.payload.get("is_error")
    return flag if isinstance(flag, bool) else reports_error(text_of(event))


def reports_error(text: str) -> bool:
    """Whether a tool result of this content is an error.

    It is one when it is JSON that says so (a filled ``error``, ``"status": "error"``, ``"success": false``,
    ``"isError": true``, an exit code other than 0, an HTTP status from 400), when it begins as an error message or an
    exception, ends in a Python traceback, or when its first or last line is a shell's error or names such an exit code.
    """
    text = text.strip()
    if not text:
        return False
    if text[0] in "{[":
        verdict = _by_json(text)
        if verdict is not None:
            return verdict
    assigned = _ASSIGNED.match(text)
    head = text[assigned.end() if assigned else 0 :][:_MOST_READ]
    if _FIRST.match(head) or _EXCEPTION.match(head.partition("\n")[0]):
        return True
    if len(head) <= _LONGEST_SENTENCE and "\n" not in head and _SENTENCE.match(head):
        return True
    return _traceback(text) or any(_line_fails(line) for line in _ends(text))


def _by_json(text: str) -> bool | None:
    """What a JSON object or list says; None when it is neither."""
    if len(text) > _LONGEST_JSON:
        return False
    if not _JSON_WORDS.search(text):
        return False if text[-1] in "}]" else None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return True if _PYTHON.match(text) else None
    return _fields_fail(value) if isinstance(value, dict) else False


def _fields_fail(fields: Mapping[str, Any]) -> bool:
    for name in ("isError", "is_error"):
        if isinstance(fields.get(name), bool):
            return bool(fields[name])
    for name in ("success", "ok", "succeeded"):
        if isinstance(fields.get(name), bool):
            return not fields[name]
    if any(_is_filled(fields.get(name)) for name in _ERROR_FIELDS):
        return True
    words = {str(fields.get(name)).lower() for name in _STATUS_FIELDS}
    if words & {"error", "errored", "exception"}:
        return True
    # A thing may have failed that was only looked up, as a payment of status "failed"; an explanation tells.
    if words & _FAILED_WORDS and len(fields) <= 3 and any(name in fields for name in _EXPLAINED):
        return True
    return any(_number(fields, name) not in (None, 0) for name in _EXIT_FIELDS) or any(
        400 <= (_number(fields, name) or 0) < 600 for name in _HTTP_FIELDS
    )


def _is_filled(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in _NO_ERRORS
    return (isinstance(value, dict | list) and bool(value)) or value is True


def _number(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _traceback(text: str) -> bool:
    """Whether a Python traceback begins or ends the text; one in the midst was printed, or lies in a file."""
    if _TRACEBACK not in text:
        return False
    if text.startswith(_TRACEBACK):
        return True
    last = text[-_MOST_READ:].rpartition("\n")[2].strip()
    return _TRACEBACK in text[-_MOST_READ:] and _RAISED.match(last) is not None


def _ends(text: str) -> Iterator[str]:
    yield text[:_MOST_READ].partition("\n")[0].strip()
    if "\n" in text:
        yield text[-_MOST_READ:].rpartition("\n")[2].strip()


def _line_fails(line: str) -> bool:
    if _SHELL.match(line):
        return True
    exit_ = _EXIT.match(line)
    return exit_ is not None and int(exit_[1] or exit_[2]) != 0
