"""``reverie doctor``: what is wrong and what to do, without a change and without a secret."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reverie.cli import hook_log
from reverie.clock import SystemClock
from tests.cli.test_import_command import Shell, shell

__all__ = ["shell"]
Checks = dict[str, dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("REVERIE_URL", "REVERIE_API_KEY", "REVERIE_SECRET_KEY", "REVERIE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REVERIE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def doctor(shell: Shell, home: Path) -> Callable[[], tuple[int, Checks]]:
    """Runs it, with ``home`` for its data; its exit code and checks by name."""
    assert home.name == "home"

    def run() -> tuple[int, Checks]:
        code, out, _ = shell("doctor", "--json")
        return code, {check["name"]: check for check in json.loads(out)["checks"]}

    return run


Doctor = Callable[[], tuple[int, Checks]]


def test_a_sound_machine_is_told_so(doctor: Doctor) -> None:
    code, checks = doctor()
    assert code == 0
    assert {checks[name]["state"] for name in ("home", "database", "schema", "clock", "hooks")} == {"ok"}


def test_nothing_is_made_where_nothing_was(doctor: Doctor, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    code, checks = doctor()
    assert (code, checks["database"]["state"]) == (0, "ok")
    assert "not made yet" in checks["database"]["said"]
    assert not home.exists()


def test_a_database_that_is_away_is_a_failure_with_what_to_do(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    code, checks = doctor()
    assert (code, checks["database"]["state"]) == (1, "fail")
    assert checks["database"]["next"]


def test_a_setting_that_cannot_be_used_is_named_and_hides_nothing_else(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVERIE_WORKERS", "many")
    code, checks = doctor()
    assert code == 1
    assert "REVERIE_WORKERS" in checks["settings"]["said"]
    assert checks["home"]["state"] == "ok"


@pytest.mark.parametrize("form", ["postgresql://me:{}@127.0.0.1:1/x", "postgresql://me:{}@/x:y", "http://me:{}@host/"])
def test_no_password_is_told_whatever_is_wrong_with_an_address(
    shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    word = secrets.token_hex(8)
    for name in ("DATABASE_URL", "REVERIE_URL", "REVERIE_OTLP_ENDPOINT", "REVERIE_MODEL_URL"):
        monkeypatch.setenv(name, form.format(word))
    monkeypatch.setenv("REVERIE_API_KEY", word)
    home.mkdir()
    hook_log.note(home, SystemClock().now(), f"cannot reach postgresql://me:{word}@127.0.0.1")
    code, out, err = shell("doctor")
    assert code == 1
    assert word not in out + err


def test_what_went_wrong_in_hooks_is_told(doctor: Doctor, home: Path) -> None:
    hook_log.note(home, SystemClock().now(), "no briefing came in time")
    code, checks = doctor()
    assert (code, checks["hooks"]["state"]) == (0, "warn")
    assert "no briefing came in time" in checks["hooks"]["said"]
