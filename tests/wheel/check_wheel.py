"""The built wheel does the whole job in an environment of its own, far from the repository.

    python tests/wheel/check_wheel.py

Builds the wheel, installs it with the runtime lock into a fresh environment, and there imports sessions, dreams over
them, serves them, reads them with the client and looks at them in the console. Prints what it took; a step that fails
ends it with its own words.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SESSIONS = 24
START_SECONDS, STOP_SECONDS = 120, 60
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")

READ_WITH_CLIENT = """
import sys
from reverie import Client
with Client(sys.argv[1]) as client:
    agent = client.beta.agents.create(name="desk", model="claude-opus-4-5")
    assert [one.id for one in client.beta.agents.list()] == [agent.id]
    assert len(list(client.beta.sessions.list())) >= int(sys.argv[2]), "the imported sessions are not served"
    preview = client.preview_segment("scored")
    assert preview.sessions == int(sys.argv[2]), preview
"""

LOOK_AT_CONSOLE = """
import re, sys
from urllib.request import HTTPCookieProcessor, build_opener
browser = build_opener(HTTPCookieProcessor())
page = browser.open(sys.argv[1] + "/console/sessions").read().decode()
assert "/console/sessions/s1" in page, page
parts = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', page)
assert len(parts) >= 4, parts
assert all(browser.open(sys.argv[1] + part).read() for part in parts)
"""


def main() -> None:
    """Run every step, in order."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reverie wheel ") as folder:
        python = install(Path(folder))
        installed = time.monotonic()
        use(python, Path(folder))
    print(f"the wheel works: installed in {installed - began:.0f} s, used in {time.monotonic() - installed:.0f} s")


def install(folder: Path) -> Path:
    """An environment with the wheel and the runtime lock; its Python."""
    run(sys.executable, *_PIP, "wheel", "--no-deps", "--wheel-dir", str(folder / "dist"), str(PROJECT), cwd=folder)
    run(sys.executable, "-m", "venv", str(folder / "venv"), cwd=folder)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = (folder / "dist").glob("reverie-*.whl")
    locked = ("--requirement", str(PROJECT / "requirements.lock"))
    run(python, *_PIP, "install", "--no-compile", "--no-deps", *locked, str(wheel), cwd=folder)
    return python


def use(python: Path, folder: Path) -> None:
    """Import, dream, serve and read, with everything in ``folder``."""
    home = folder / "home"
    run(python, "-c", f"import reverie; assert {str(folder)!r} in reverie.__file__, reverie.__file__", cwd=folder)
    sessions = folder / "sessions.jsonl"
    sessions.write_text("\n".join(map(json.dumps, map(session, range(SESSIONS)))), encoding="utf-8")
    reverie, own = folder / "venv" / "bin" / "reverie", environment(home)
    summary = json.loads(run(reverie, "import", str(sessions), "--json", cwd=folder, env=own))
    assert summary["sessions"]["created"] == SESSIONS, summary
    report = folder / "report.html"
    dream = run(reverie, "dream", "--store", "desk", "--report", str(report), "--json", cwd=folder, env=own)
    assert json.loads(dream)["sessions"]["read"] == SESSIONS, dream
    assert report.read_text(encoding="utf-8").rstrip().endswith("</html>")
    with served(reverie, folder, own) as address:
        run(python, "-c", READ_WITH_CLIENT, address, str(SESSIONS), cwd=folder)
        run(python, "-c", LOOK_AT_CONSOLE, address, cwd=folder)
    assert "marketplace add" in run(reverie, "claude-code", "install", "--print", cwd=folder, env=own)


def session(number: int) -> dict[str, object]:
    """A short conversation that went well or not, as ``chat`` files hold it."""
    said = [
        {"role": "user", "content": f"Where is my order {number}? It should have come on Monday."},
        {"role": "assistant", "content": "I am looking for it." if number % 3 else "Please wait."},
        {"role": "user", "content": "Thank you." if number % 3 else "That does not help me."},
    ]
    return {
        "id": f"s{number}",
        "agent": "desk",
        "task_id": f"t{number % 4}",
        "reward": number % 3 > 0,
        "messages": said,
    }


def environment(home: Path) -> dict[str, str]:
    """This process's environment without what leads to another database, a model or the repository."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PYTHONPATH")}
    return kept | {"REVERIE_HOME": str(home), "REVERIE_MODEL_REQUESTS": "local"}


@contextmanager
def served(reverie: Path, folder: Path, own: dict[str, str]) -> Iterator[str]:
    """The address of a server that runs meanwhile and is stopped in good order."""
    command = [str(reverie), "serve", "--port", "0", "--no-key", "--log-level", "warning"]
    with subprocess.Popen(command, cwd=folder, env=own, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            first = server.stdout.readline()
            assert "http://" in first, f"the server did not start: {first!r}"
            yield first.split("serves ")[1].split()[0]
        finally:
            server.terminate()
            code = server.wait(STOP_SECONDS)
        assert code == 0, f"the server ended with {code}"


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a command printed.

    Raises:
        SystemExit: it failed; what it said is in the message.
    """
    own = env or environment(cwd / "home")
    finished = subprocess.run(list(map(str, command)), cwd=cwd, env=own, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\nfailed ({finished.returncode}):\n{finished.stderr}")
    return finished.stdout


if __name__ == "__main__":
    main()
