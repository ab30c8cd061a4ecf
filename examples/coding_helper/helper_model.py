"""Stands in for a model, so that the coding helper runs offline."""

from reverie.testing.fake_models import Reply, Request, call, say

PROGRAM = "print(sum(range(1, 11)))\n"


def answer(request: Request) -> Reply:
    """Writes a program, runs it, and says what it printed."""
    if not request.results:
        return say("I write it down first.") + call("write", {"file_path": "sum.py", "content": PROGRAM})
    last = request.results[-1]
    if last.is_error:
        return say(f"That did not work: {last.text}")
    if last.tool == "write":
        return call("bash", {"command": "python3 sum.py"})
    return say(f"It prints {last.text.strip()}.")
