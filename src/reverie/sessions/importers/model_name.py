"""Finding a model's name in the name of a file or folder."""

import re

_FAMILIES = (
    "gpt|claude|sonnet|haiku|opus|gemini|gemma|llama|codellama|mistral|mixtral|qwen|deepseek|vicuna|starchat|starcoder"
    "|(?:text|chat|code)-(?:davinci|bison|gecko)"
)
_VARIANTS = "turbo|mini|nano|preview|instruct|sonnet|haiku|opus|flash|pro|lite|chat|coder"
_MODEL = re.compile(
    rf"(?<![a-z0-9])(?:{_FAMILIES})[0-9.]*(?:-(?:[0-9][a-z0-9.]*|{_VARIANTS})(?![a-z0-9]))*(?![a-z0-9])"
)


def model_in(name: str) -> str | None:
    """The model that ``name`` clearly speaks of (``gpt-4o`` in ``gpt-4o-airline``), or None."""
    found = _MODEL.search(name.lower())
    return found.group() if found else None
