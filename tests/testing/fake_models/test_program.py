"""The program: ready when it says so, and its log is readable whatever ends it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest

from reverie.testing.fake_models import FakeModels, read_journal
from reverie.testing.fake_models.__main__ import fake_models
from reverie.testing.patience import PATIENCE_SECONDS
from tests.testing.fake_models.conftest import Asking, user

PROGRAM = [sys.executable, "-m", "reverie.testing.fake_models"]


@contextmanager
def program(tmp_path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address that it says it is at."""
    script = tmp_path / "script.yaml"
    script.write_text("- first\n- {say: second, fault: silence, after: 1}\n", encoding="utf-8")
    command = [*PROGRAM, "--script", str(script), "--record", str(tmp_path / "log.jsonl"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[-1]
        process.kill()


def ask(url: str) -> str:
    with anthropic.Anthropic(base_url=url, api_key="any", timeout=PATIENCE_SECONDS) as client:
        answer = client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
    assert answer.content[0].type == "text"
    return answer.content[0].text


def test_the_log_is_readable_after_a_kill_in_mid_answer(tmp_path: Path) -> None:
    with program(tmp_path) as (process, url), anthropic.Anthropic(base_url=url, api_key="any") as client:
        assert ask(url) == "first"
        client = client.with_options(timeout=PATIENCE_SECONDS)
        with client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "ho"}], stream=True
        ) as events:
            assert next(iter(events)).type == "message_start"
            process.kill()
            process.wait(PATIENCE_SECONDS)
    first, second = read_journal(tmp_path / "log.jsonl")
    assert first.answer["content"] == [{"type": "text", "text": "first"}]
    assert (second.number, second.status, second.fault) == (2, 200, "silence")
    assert second.body["messages"] == [user("ho")]


def test_it_ends_in_good_order_when_asked_to(tmp_path: Path) -> None:
    with program(tmp_path) as (process, url):
        assert ask(url) == "first"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0


def test_it_takes_the_port_that_it_is_given(tmp_path: Path) -> None:
    with FakeModels([]) as server:
        port = server.url.rpartition(":")[2]
    with program(tmp_path, "--port", port) as (_, url):
        assert url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    "options", [["--script", "no-such.yaml"], ["--script", "nothing"], ["--script", "math:pi", "--record", "/no/such"]]
)
def test_what_it_cannot_use_is_one_line_and_an_exit_code(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        fake_models(options, standalone_mode=False)
    assert ended.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_restarted_server_takes_up_the_conversation() -> None:
    script: list[Any] = [user("hi")]
    first, second = FakeModels(["one"], seed=3), FakeModels(["two"], seed=3)
    for server in (first, second):
        with server:
            asking = Asking(server)
            script += [{"role": "assistant", "content": asking.message(*script).content}, user("and?")]
            asking.close()
    assert [message["content"][0].text for message in script[1::2]] == ["one", "two"]
    assert first.requests[0].answer["id"] != second.requests[0].answer["id"]
