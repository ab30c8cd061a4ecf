"""What is kept of requests."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from string import ascii_letters

import anthropic
import pytest

from reverie.clock import ManualClock
from reverie.errors import InputError
from reverie.testing.fake_models import FakeModels, fault, read_journal, say
from tests.testing.fake_models.conftest import Asking, user


def test_requests_are_kept_for_assertions(asking: Asking) -> None:
    asking.message(user("hi"))
    kept = asking.server.requests[-1]
    assert (kept.method, kept.path, kept.status, kept.number) == ("POST", "/v1/messages", 200, 1)
    assert kept.body["messages"] == [user("hi")]
    assert kept.headers["content-type"] == "application/json"
    assert kept.usage["output_tokens"] == 1
    assert kept.error is None


def test_errors_are_kept(asking: Asking) -> None:
    asking.server.follow([fault("overloaded")])
    with pytest.raises(anthropic.APIStatusError):
        asking.message()
    kept = asking.server.requests[-1]
    assert (kept.status, kept.error, kept.usage) == (529, "Overloaded", {})


def test_keys_are_not_kept(tmp_path: Path) -> None:
    key = "".join(Random(1).choices(ascii_letters, k=20))
    path = tmp_path / "log.jsonl"
    with FakeModels([say("a"), say("b")], record_to=path) as server:
        asking = Asking(server)
        asking.claude.with_options(api_key=key).messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )
        asking.gpt.with_options(api_key=key).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
        asking.close()
    assert key not in path.read_text(encoding="utf-8")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_the_file_says_what_is_in_memory(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    with FakeModels(["a", fault("cut", after=0)], record_to=tmp_path / "log.jsonl", clock=clock) as server:
        asking = Asking(server)
        asking.message()
        with pytest.raises(anthropic.APIConnectionError):
            asking.message()
        asking.close()
    assert read_journal(tmp_path / "log.jsonl") == server.requests
    assert {kept.at for kept in server.requests} == {clock.now()}


def test_a_file_is_added_to(tmp_path: Path) -> None:
    for words in ("a", "b"):
        with FakeModels([words], record_to=tmp_path / "log.jsonl") as server:
            asking = Asking(server)
            asking.message()
            asking.close()
    kept = read_journal(tmp_path / "log.jsonl")
    assert [request.answer["content"][0]["text"] for request in kept] == ["a", "b"]


def test_a_file_that_is_no_journal_says_where(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("hello\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"log\.jsonl, line 1"):
        read_journal(path)


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be recorded"), FakeModels([], record_to=tmp_path):
        pass


@pytest.mark.parametrize("setting", ["latency", "jitter"])
def test_a_delay_below_nothing_is_refused(setting: str) -> None:
    with pytest.raises(InputError, match="0 or more"):
        FakeModels([], **{setting: -1.0})  # type: ignore[arg-type]
