"""Tests cannot call a real model, whatever they do."""

import socket
from typing import Any, Literal

import pytest

from reverie.errors import SettingsError
from reverie.language_model import ModelMessage, ModelRequest
from reverie.models.open import open_model
from reverie.models.switch import VARIABLE, check_allowed
from reverie.settings import ModelSettings, Secret

REQUEST = ModelRequest("test/1", (ModelMessage("user", "Hello"),), 50)


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
@pytest.mark.parametrize("base_url", [None, "https://models.example.org/v1", "http://192.0.2.1:8000"])
async def test_a_real_call_is_impossible_in_tests(
    provider: Literal["anthropic", "openai"], base_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    async with open_model(ModelSettings(provider, "m", base_url=base_url, api_key=Secret("made-up"))) as model:
        with pytest.raises(SettingsError, match="nothing was sent"):
            await model.complete(REQUEST)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1:11434/v1", "http://[::1]:8000"])
def test_this_machine_is_allowed(url: str) -> None:
    check_allowed(url)


@pytest.mark.parametrize(
    "url", ["http://localhost.example.org", "http://127.0.0.1@example.org", "http://0.0.0.0", "http://10.0.0.1", ""]
)
def test_what_only_looks_like_this_machine_is_not(url: str) -> None:
    with pytest.raises(SettingsError):
        check_allowed(url)


def test_without_the_switch_any_address_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    check_allowed("https://models.example.org")


def test_a_misspelt_switch_is_an_error_and_not_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "lokal")
    with pytest.raises(SettingsError, match="'any' or 'local'"):
        check_allowed("http://localhost")
