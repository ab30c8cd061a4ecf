"""What counts as a tool's error."""

from typing import Any

import pytest

from reverie.digests.tool_error import reports_error, tool_failed
from reverie.sessions.event import Event, text_content

ERRORS = [
    "Error: no such order",
    "error: no such order",
    "ERROR: disk",
    "Error: no",
    "\u274c **Error**: quota exceeded",
    "[ERROR]: disk full",
    "Internal error (500): try later",
    "Error executing query: Unknown column",
    "Error calling tool 'find': timeout",
    "An unexpected error occurred while saving",
    "error",
    "Fehler: Datei fehlt",
    "\u9519\u8bef\uff1a\u6587\u4ef6\u4e0d\u5b58\u5728",
    '# var_0 = "Error: user not found"',
    "Traceback (most recent call last):\n ValueError: x",
    'starting\nTraceback (most recent call last):\n  File "a.py", line 1\nKeyError: 3',
    "ValueError: invalid literal",
    "java.lang.NullPointerException: x",
    'Exception in thread "main" java.lang.Error',
    "panic: runtime error: index out of range",
    "fatal: not a git repository",
    "error[E0382]: borrow of moved value",
    "bash: x: command not found",
    "/bin/bash: line 1: syntax error near unexpected token",
    "grep: /a: No such file or directory",
    "one\ntwo\ncat: b: Permission denied\n",
    "zsh: command not found: foo",
    "Exit code: 1\nsomething",
    "some output\nCommand exited with code 2",
    "Process finished with exit code 127",
    "<returncode>1</returncode>",
    "<tool_use_error>File has not been read yet</tool_use_error>",
    "No SQL code was found",
    "404 Not Found",
    "HTTP/1.1 503 Service Unavailable",
    "Failed to connect to the server",
    '{"error": "no such order"}',
    '{"error": {"code": 7}}',
    '{"errors": ["id is required"]}',
    '{"status": "error", "message": "no such order"}',
    '{"status": "failed", "reason": "no such order"}',
    '{"success": false}',
    '{"ok": false, "description": "blocked"}',
    '{"isError": true, "content": []}',
    '{"stdout": "", "exit_code": 2}',
    '{"statusCode": 404, "body": ""}',
    "{'error': 'no such order'}",
]
NO_ERRORS = [
    "",
    "shipped",
    "Errors: none found. All tests pass",
    "Error: none",
    "Error: 0",
    "errors: 0, warnings: 3",
    "Error rate: 2 %",
    "Error handling is described in chapter 3.",
    "Error is the user's name",
    "No errors found",
    "no error",
    "12 passed, 0 failed, 0 errors",
    "The text says Error: x",
    "2026-01-02 INFO ok\n2026-01-02 ERROR: disk full\n2026-01-03 INFO ok",
    "def f():\n    raise ValueError('x')",
    "log of yesterday\nTraceback (most recent call last):\n  File x\nKeyError: 3\nservice restarted",
    "Exit code: 0",
    "Command exited with code 0",
    "see exit code 3 in the manual",
    "404 items in stock",
    "[('error',)]",
    '{"error": null, "ok": true}',
    '{"error": "", "rows": 3}',
    '{"error": false}',
    '{"errors": []}',
    '{"rows": [{"error": 1}]}',
    '[{"error": "x"}]',
    '{"success": true, "error": "none of your business"}',
    '{"payment_id": 7, "status": "failed", "amount": 3, "message": "card declined"}',
    '{"status": "ok"}',
    '{"exit_code": 0}',
    '{"status_code": 200}',
    "{'error': None, 'rows': 3}",
    "'is a directory' is what ls says of one",
]


@pytest.mark.parametrize("text", ERRORS)
def test_what_says_outright_that_it_failed_is_an_error(text: str) -> None:
    assert reports_error(text)


@pytest.mark.parametrize("text", NO_ERRORS)
def test_what_only_has_such_words_in_it_is_none(text: str) -> None:
    assert not reports_error(text)


@pytest.mark.parametrize(
    ("flag", "text", "failed"),
    [
        (True, "shipped", True),
        (False, "Error: no", False),
        (None, "Error: no", True),
        (None, "shipped", False),
        ("yes", "shipped", False),
    ],
)
def test_the_sources_own_word_is_believed_before_the_content(flag: Any, text: str, failed: bool) -> None:
    payload = {"content": text_content(text)} | ({} if flag is None else {"is_error": flag})
    assert tool_failed(Event("agent.tool_result", payload)) is failed


def test_a_long_text_is_judged_by_its_ends_alone() -> None:
    assert not reports_error("line\n" * 100_000 + "Error: x\n" + "line\n" * 100_000)
