"""Files that describe an agent: what they ask for, and what is wrong with them."""

from pathlib import Path

import pytest

from reverie.cli.agent_file import read_agent_file
from reverie.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "examples"


def file(folder: Path, text: str) -> Path:
    path = folder / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a", "model: is missing; an agent needs one"),
        ("model: m", "name: is missing; an agent needs one"),
        ("name: a\nmodel: m\nsytem: x", "sytem: no such field; did you mean system?"),
        ("name: a\nmodel: m\nbetas: [x]", "betas: no such field; known are "),
        ("name: 7\nmodel: m", "name: must be text, not a number; put it in quotes"),
        ("name: a\nmodel: m\nsystem: [x]", "system: must be text, not a list; put it in quotes"),
        ("name: a\nmodel: m\ntools: {type: custom}", "tools: must be a list; begin each entry with a dash"),
        ("name: a\nmodel: m\nmetadata: {v: 1.5}", "metadata.v: must be text, not a number; put it in quotes"),
        ("name: a\nmodel: m\nmetadata: x", "metadata: must be names with values (`name: value`), not text"),
        ("name: a\nmodel: m\nenvironment: {confg: {}}", "environment.confg: no such field; did you mean config?"),
        ("name: a\nmodel: m\nmemory_store: {description: x}", "memory_store.name: is missing"),
        ("name: a\nmodel: m\nmemory_store: true", "memory_store: must be names with values"),
        ("- a", "the file: must be names with values (`name: value`), not a list"),
        ("", "the file: must be names with values (`name: value`), not nothing"),
    ],
)
def test_an_error_names_the_file_and_the_field(tmp_path: Path, text: str, told: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_agent_file(path)
    assert str(error.value).startswith(f"{path}: {told}")


def test_an_error_of_the_yaml_names_the_line(tmp_path: Path) -> None:
    path = file(tmp_path, "name: a\nmodel: [")
    with pytest.raises(InputError) as error:
        read_agent_file(path)
    assert str(error.value).startswith(f"{path}, line 2: is no YAML: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.yaml: cannot be read"):
        read_agent_file(tmp_path / "gone.yaml")


def test_a_resource_is_given_by_its_name_or_by_its_fields() -> None:
    desk = read_agent_file(EXAMPLES / "support_desk" / "agent.yaml")
    assert desk.environment == {"name": "support-desk"}
    assert desk.memory_store is not None and desk.memory_store["name"] == "support-desk"
    assert desk.agent.keys() == {"name", "model", "description", "system", "tools", "metadata"}
