"""Which model answers for which id: the file, the environment, and what is said where they cannot be used."""

import sys
from pathlib import Path
from typing import Any

import pytest

from reverie.errors import ModelAccessError, SettingsError
from reverie.language_model import ModelPrice
from reverie.models.route import ModelRoute, find_route, key_of, read_routes, routes_of
from reverie.models.router import ModelRouter, open_router
from reverie.settings import load_settings
from reverie.testing.fake_models import FakeModels, fault, say
from tests.models.turning import reply_of, route_to

WHOLE = """
[[routes]]
pattern = "claude-*"
provider = "anthropic"
price = "3/15/0.3/3.75"
requests_per_minute = 50
tokens_per_minute = 400000
concurrency = 8
stall_seconds = 60
thinking = true

[[routes]]
pattern = "*"
provider = "openai"
model = "qwen3:8b"
base_url = "http://localhost:11434/v1"
key_variable = "LOCAL_KEY"
max_output_tokens = 4000
context_tokens = 32000
cache = false
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "routes.toml"


def read(path: Path, text: str) -> tuple[ModelRoute, ...]:
    path.write_text(text, encoding="utf-8")
    return read_routes(path)


def test_a_file_of_routes_is_read_and_the_first_that_matches_answers(path: Path) -> None:
    routes = read(path, WHOLE)
    claude, other = find_route(routes, "claude-x"), find_route(routes, "gpt-x")
    assert claude is routes[0] and other is routes[1]
    assert claude.priced == ModelPrice(3.0, 15.0, 0.3, 3.75) and claude.stall_seconds == 60.0
    assert (other.model, other.context_tokens, other.cache, other.priced) == ("qwen3:8b", 32_000, False, None)


BAD = {
    "no pattern": ('provider = "openai"', "route 2: .*pattern"),
    "no provider": ('pattern = "b"', "route 2: .*provider"),
    "unknown provider": ('pattern = "b"\nprovider = "other"', "route 2: provider: 'other' runs no agents"),
    "unknown field": ('pattern = "b"\nprovider = "openai"\nurl = "x"', "route 2: .*unknown field `url`; .*base_url"),
    "empty pattern": ('pattern = " "\nprovider = "openai"', "route 2: pattern: is empty"),
    "pattern twice": ('pattern = "a"\nprovider = "openai"', "route 2: pattern: the same as of route 1"),
    "empty model": ('pattern = "b"\nprovider = "openai"\nmodel = ""', "route 2: model: is empty"),
    "a number as text": (
        'pattern = "b"\nprovider = "openai"\nconcurrency = "8"',
        "route 2: concurrency: Expected `int",
    ),
    "a yes as text": ('pattern = "b"\nprovider = "openai"\ncache = "yes"', "route 2: cache: Expected `bool`"),
    "an address": ('pattern = "b"\nprovider = "openai"\nbase_url = "localhost:1"', "route 2: base_url: 'localhost:1'"),
    "no host": ('pattern = "b"\nprovider = "openai"\nbase_url = "http://"', "route 2: base_url"),
    "a price": ('pattern = "b"\nprovider = "openai"\nprice = "3"', "route 2: price: '3' must be dollars"),
    "no time": ('pattern = "b"\nprovider = "openai"\nstall_seconds = 0', "route 2: stall_seconds: 0 must"),
    "endless time": ('pattern = "b"\nprovider = "openai"\nstall_seconds = inf', "route 2: stall_seconds: inf must"),
    "not a time": ('pattern = "b"\nprovider = "openai"\nstall_seconds = nan', "route 2: stall_seconds: nan must"),
}
BAD |= {
    f"no {field}": (f'pattern = "b"\nprovider = "openai"\n{field} = 0', f"route 2: {field}: Expected `int` >= 1")
    for field in (*("max_output_tokens", "context_tokens", "requests_per_minute", "tokens_per_minute", "concurrency"),)
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD.keys())
def test_what_is_no_route_is_told_with_file_number_and_field(path: Path, text: str, words: str) -> None:
    first = '[[routes]]\npattern = "a"\nprovider = "anthropic"\n\n[[routes]]\n'
    with pytest.raises(SettingsError, match=rf"\AREVERIE_MODEL_ROUTES: {path}: {words}"):
        read(path, first + text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[routes]", "line 1"),
        ("", r"no route; begin each with a line \[\[routes\]\]"),
        ("routes = []", "no route"),
        ('routes = "x"', "no route"),
        ("routes = [3]", "route 1: "),
        ('[[route]]\npattern = "a"', "unknown table or field 'route'"),
    ],
)
def test_a_file_that_holds_no_routes_is_told_as_such(path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"\AREVERIE_MODEL_ROUTES: {path}: .*{words}"):
        read(path, text)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"\AREVERIE_MODEL_ROUTES: {path}: "):
        read_routes(path)


@pytest.mark.parametrize("field", ["key_variable", "base_url"])
def test_a_key_in_the_file_is_refused_and_not_repeated(path: Path, field: str) -> None:
    secret = "sk-" + "q" * 30
    value = secret if field == "key_variable" else f"https://user:{secret}@models.example/v1"
    with pytest.raises(SettingsError, match=f"route 1: {field}: ") as caught:
        read(path, f'[[routes]]\npattern = "a"\nprovider = "openai"\n{field} = "{value}"')
    assert secret not in str(caught.value)


def routes_from(environment: dict[str, str]) -> list[tuple[str, str, str | None]]:
    found = routes_of(load_settings(environment), environment)
    return [(route.pattern, route.provider, key_of(route, environment)) for route in found]


def test_without_a_file_the_environment_says_which_models_there_are() -> None:
    assert routes_from({}) == []
    assert routes_from({"ANTHROPIC_API_KEY": "k"}) == [("claude-*", "anthropic", "k")]
    assert routes_from({"OPENAI_API_KEY": "k"}) == [("gpt-*", "openai", "k"), ("o[0-9]*", "openai", "k")]
    one = {"REVERIE_MODEL": "openai:m", "REVERIE_MODEL_URL": "http://localhost:1/v1", "ANTHROPIC_API_KEY": "k"}
    assert routes_from(one) == [("*", "openai", None)]
    assert routes_from(one | {"REVERIE_MODEL_KEY": "mine"}) == [("*", "openai", "mine")]


def test_a_file_counts_before_the_environment(path: Path) -> None:
    path.write_text(WHOLE, encoding="utf-8")
    environment = {"REVERIE_MODEL_ROUTES": str(path), "REVERIE_MODEL": "openai:m", "OPENAI_API_KEY": "k"}
    assert [pattern for pattern, *_ in routes_from(environment)] == ["claude-*", "*"]


LACKING: dict[str, tuple[list[ModelRoute], str]] = {
    "no route": ([], "ANTHROPIC_API_KEY.*REVERIE_MODEL.*REVERIE_MODEL_ROUTES"),
    "no key": ([ModelRoute("*", "anthropic")], "set ANTHROPIC_API_KEY"),
    "no key of another": ([ModelRoute("*", "openai")], "set OPENAI_API_KEY"),
    "no agents": ([ModelRoute("*", "other")], "REVERIE_MODEL_ROUTES"),
    "no such variable": ([ModelRoute("*", "openai", base_url="http://x", key_variable="MINE")], "set MINE"),
}


@pytest.mark.parametrize(("routes", "words"), LACKING.values(), ids=LACKING.keys())
def test_where_no_model_answers_the_error_says_what_to_set(routes: list[ModelRoute], words: str) -> None:
    with pytest.raises(ModelAccessError, match=words):
        ModelRouter(routes, {}).find("claude-x")


def test_a_provider_whose_library_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.delitem(sys.modules, "reverie.models.openai_turns", raising=False)
    monkeypatch.delattr("reverie.models.openai_turns", raising=False)
    with pytest.raises(ModelAccessError, match=r"pip install 'reverie\[openai\]'"):
        ModelRouter([ModelRoute("*", "openai")], {"OPENAI_API_KEY": "k"}).find("gpt-x")


async def test_a_route_without_a_model_asks_for_the_id_and_the_same_id_has_the_same_model() -> None:
    with FakeModels([say("Hi."), say("Hi.")]) as models:
        route: Any = ModelRoute("*", "openai", base_url=f"{models.url}/v1")
        async with open_router([route], {}) as router:
            assert router.find("a") is router.find("a") is not router.find("b")
            await reply_of(router.find("a").model)
            await reply_of(router.find("b").model)
        assert [record.body["model"] for record in models.requests] == ["a", "b"]


async def test_a_key_goes_with_its_route_s_requests() -> None:
    with FakeModels([fault("authentication")]) as models:
        route = route_to("openai", models, key_variable="MINE")
        async with open_router([route], {"MINE": "k"}) as router:
            with pytest.raises(ModelAccessError, match="MINE"):
                await reply_of(router.find("a").model)
