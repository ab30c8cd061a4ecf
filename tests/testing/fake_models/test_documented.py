"""What the documents show works."""

import re
from pathlib import Path
from typing import Any

import pytest

from reverie.testing.fake_models import call, fault, read_script, say, think

PAGE = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_of_the_page_runs(sample: str) -> None:
    names: dict[str, Any] = {}
    exec(sample, names)
    assert "server" in names


def test_the_script_of_the_page_is_one(tmp_path: Path) -> None:
    path = tmp_path / "replies.yaml"
    path.write_text(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0], encoding="utf-8")
    assert read_script(path) == [
        think("I should look.") + call("bash", {"command": "ls"}),
        fault("rate_limit", retry_after=2),
        say("There are two files."),
    ]
