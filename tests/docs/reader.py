"""A reader who does what a page says, block by block, in a folder and a data home of their own."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reverie.cli.main import main
from reverie.settings import load_settings
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import ServerProcess, start_server
from tests.docs.blocks import ROOT, Block
from tests.docs.output import stood_for

REASONS = {
    "it runs until it is stopped": "is started by a test of its own",
    "it deletes what the reader has": "is done by tests of its own",
    "a formula": "is for a person to read",
    "settings of another program": "are read by that program",
    "a part of the package that a test installs": "is held to be equal to it by that test",
}
"""Why a block may be left alone: each reason that a page gives above one, and what is meant."""
SERVER = "http://127.0.0.1:8700"
"""Where pages say that the server is; the test's own takes a free port."""
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")
_SHELL_SIGNS = {"|", "||", "&&", "&", ";", ">", ">>", "<"}
_PARSERS: dict[str, Callable[[str], Any]] = {"json": json.loads, "yaml": yaml.safe_load, "toml": tomllib.loads}


class PageError(AssertionError):
    """A block does not do what its page says."""


class Reader:
    """Follows one page; ``folder`` is where its commands run."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._capture = capture
        self._patch = patch
        self._names: dict[str, Any] = {"__name__": "page"}
        self._stood_for: dict[str, str] = {}
        self._server: ServerProcess | None = None
        self._printed = ""

    def follow(self, block: Block) -> None:
        """Do what the block says.

        Raises:
            PageError: it fails, or prints something else than the page shows.
        """
        text = self._filled_in(block.text)
        if block.mark == "not run":
            return
        if block.mark == "output":
            self._compare(block, text, self._printed)
        elif block.mark == "file":
            self._write(block, text)
        elif block.language == "python":
            self._printed = self._program(block, text) if "__main__" in text else self._run_python(block, text)
        elif block.language == "console":
            self._converse(block, text)
        elif block.language in ("sh", "bash"):
            self._printed = "".join(self._command(block, line) for line in commands_of(text))
        else:
            raise PageError(
                f"{block.place}: a {block.language or 'nameless'} block does nothing: say in a comment what"
            )

    def close(self) -> None:
        """Stop the server, if the page started one."""
        if self._server is not None:
            self._server.stop()
            if self._server.process.stdout is not None:
                self._server.process.stdout.close()

    def _filled_in(self, text: str) -> str:
        for shown, real in self._stood_for.items():
            text = text.replace(shown, real)
        return text

    def _write(self, block: Block, text: str) -> None:
        if block.language in _PARSERS:
            _PARSERS[block.language](text)
        path = self._folder / block.said
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _run_python(self, block: Block, text: str) -> str:
        if re.search(r"\.(import_sessions|dream)\(", text):
            raise PageError(f"{block.place}: starts worker processes, so it needs `if __name__ == '__main__':`")
        code = compile("\n" * (block.line - 1) + text, str(block.page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self._names)
        return printed.getvalue()

    def _program(self, block: Block, text: str) -> str:
        path = self._folder / f"line_{block.line}.py"
        path.write_text(text, encoding="utf-8")
        return self._shell(block, [sys.executable, str(path)])

    def _converse(self, block: Block, text: str) -> None:
        for prompt, shown in conversation(text):
            printed = "".join(self._command(block, line) for line in commands_of(prompt))
            if shown:
                self._compare(block, shown, printed)

    def _compare(self, block: Block, shown: str, printed: str) -> None:
        found = stood_for(shown, printed)
        if found is None:
            raise PageError(f"{block.place} shows\n{shown}\nbut this is printed:\n{printed}")
        self._stood_for |= found

    def _command(self, block: Block, line: str) -> str:
        words = shlex.split(os.path.expandvars(line), comments=True)
        while words and (words[0] == "export" or _ASSIGNMENT.fullmatch(words[0])):
            name, assigned, value = words.pop(0).partition("=")
            if assigned:
                self._patch.setenv(name, value)
        if not words:
            return ""
        program = Path(words[0]).name
        if program == "make":  # Its targets are what CI runs; here it is enough that there is such a target.
            return self._shell(block, ["make", "--dry-run", *words[1:]], ROOT)
        if program != "reverie" or "$(" in line or not _SHELL_SIGNS.isdisjoint(words):
            return self._shell(block, ["bash", "-euc", line])
        return self._serve(words[2:]) if words[1:2] == ["serve"] else self._reverie(block, words[1:])

    def _serve(self, options: list[str]) -> str:
        self._server = start_server(load_settings(), self._folder / "server.log", *options)
        self._stood_for[SERVER] = self._server.url
        return f"Reverie serves {SERVER} (console: /console, docs: /docs)\n"

    def _reverie(self, block: Block, arguments: list[str]) -> str:
        self._capture.readouterr()
        with pytest.raises(SystemExit) as end:
            main(arguments)
        printed = self._capture.readouterr()
        if end.value.code:
            command = shlex.join(["reverie", *arguments])
            raise PageError(f"{block.place}: `{command}` ends with {end.value.code}:\n{printed.err}{printed.out}")
        return printed.out

    def _shell(self, block: Block, words: list[str], folder: Path | None = None) -> str:
        ended = subprocess.run(
            words, cwd=folder or self._folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        if ended.returncode:
            raise PageError(f"{block.place}: {shlex.join(words)} ends with {ended.returncode}:\n{ended.stderr}")
        return ended.stdout


def commands_of(text: str) -> Iterator[str]:
    """The commands of a shell's text, each on one line."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def conversation(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a ``console`` block with what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown
