"""``reverie hook``: what a coding assistant calls at the turns of a session. It answers in time, or says nothing.

The work is done by processes of its own, which load what is slow to load: an import goes on after the hook is over, and
a briefing counts as shown only once this process has passed it on in time.
"""

import os
import select
import subprocess
import sys
import time
from contextlib import suppress

import click
import msgspec

from reverie.cli.hook_call import BriefingReply, BriefingWish, HookCall, Memo, answer, hook_environment, read_call
from reverie.cli.hook_log import log_file, note
from reverie.clock import SystemClock
from reverie.errors import ReverieError
from reverie.settings import Settings, home_folder, load_settings

_MOST_INPUT = 16 << 20
_AGENT = "claude-code"
"""As the importer names the agent of sessions that name none."""


class _Silence(ReverieError):
    """Why a hook says nothing; for the log."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("assistant", default="")
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="")
def hook(assistant: str, more: tuple[str, ...]) -> None:  # noqa: ARG001 - what a later version may add does no harm
    """Answer a hook of ASSISTANT (claude-code), whose call is read from standard input.

    It never fails and never keeps anybody waiting: what goes wrong is written to logs/hooks.log in the home folder.
    """
    began = time.monotonic()
    try:
        if assistant != _AGENT:
            raise _Silence(f"hooks of {assistant!r} are not known; known is {_AGENT}")
        _serve(sys.stdin.buffer.read(_MOST_INPUT), began)
    except _Silence as error:
        note(home_folder(), SystemClock().now(), str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the session that goes on
        with suppress(RuntimeError):  # somebody without a home has no log either
            note(home_folder(), SystemClock().now(), f"{type(error).__name__}: {error}")


def _serve(said: bytes, began: float) -> None:
    """Do what a call is for; only a briefing is answered with anything."""
    try:
        call = read_call(said)
    except msgspec.DecodeError as error:
        raise _Silence(f"the call cannot be read: {error}") from error
    settings = load_settings(hook_environment(os.environ))
    memo = Memo(settings.home)
    if call.hook_event_name in ("Stop", "SessionEnd") and call.transcript_path:
        memo.add_waiting(call.transcript_path)
        _start("reverie.cli.hook_import", settings)
    elif _wants_briefing(call, memo) and settings.hook_seconds and _can_brief(settings):
        try:
            _brief(call, settings, memo, began + settings.hook_seconds)
        finally:
            if call.hook_event_name == "UserPromptSubmit":  # nobody is to wait at every prompt
                memo.set_briefed(call.session_id)


def _wants_briefing(call: HookCall, memo: Memo) -> bool:
    """At a session's start, or with its first prompt where that gave none; again when its context was compacted."""
    if call.hook_event_name not in ("SessionStart", "UserPromptSubmit"):
        return False
    return call.source == "compact" or not memo.is_briefed(call.session_id)


def _can_brief(settings: Settings) -> bool:
    """Whether there is anything to ask; a database that was never made is not made in a hook."""
    external = settings.database_url is not None or "REVERIE_URL" in os.environ
    return external or (settings.home / "postgres").is_dir()


def _brief(call: HookCall, settings: Settings, memo: Memo, deadline: float) -> None:
    wish = BriefingWish(call.session_id, call.cwd, call.prompt, call.agent_type or _AGENT)
    process = _start("reverie.cli.hook_briefing", settings)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(wish) + b"\n")
    process.stdin.flush()
    reply = _reply(process, deadline)
    if reply.error:
        raise _Silence(f"{call.hook_event_name}: {reply.error}")
    if reply.text:
        sys.stdout.buffer.write(msgspec.json.encode(answer(call.hook_event_name, reply.text)) + b"\n")
        sys.stdout.buffer.flush()
    process.stdin.write(b"shown\n")
    process.stdin.flush()
    if reply.settled:
        memo.set_briefed(call.session_id)


def _reply(process: subprocess.Popen[bytes], deadline: float) -> BriefingReply:
    """What the process answers before the deadline (of the clock that is never set)."""
    assert process.stdout is not None
    told = b""
    while not told.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0.0))
        if not ready:
            raise _Silence("no briefing came in time; REVERIE_HOOK_SECONDS is how long to wait")
        piece = os.read(process.stdout.fileno(), 1 << 16)
        if not piece:
            raise _Silence("the process that makes briefings ended; run `reverie doctor`")
        told += piece
    return msgspec.json.decode(told, type=BriefingReply)


def _start(module: str, settings: Settings) -> subprocess.Popen[bytes]:
    """A process of its own session, which nothing that happens to this one ends.

    ``-P`` and the home as its folder keep modules of the project out of it.
    """
    log = log_file(settings.home)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=settings.home,
            env=hook_environment(os.environ),
            start_new_session=True,
        )
