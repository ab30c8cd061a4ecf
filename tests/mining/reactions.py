"""Sessions without scores in which users react, from transcripts on: who corrects whom, and after what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from evaluation.in_memory import DigestedSession, make_corpus

from reverie.digests.derived.occurrence import Trace
from reverie.digests.transcript import digest_transcript
from reverie.mining.implicit import mine_implicit
from reverie.mining.implicit_policy import ImplicitPolicy
from reverie.mining.mine import MiningResult
from reverie.mining.policy import MiningPolicy
from reverie.sessions.event import Event
from reverie.sessions.session import Session, Transcript
from tests.digests.made_events import call, result, said, user

POLICY = MiningPolicy(placebo_runs=0)
_NO = ("No, that's wrong.", "That is not what I asked for.", "You forgot half of it.")


@dataclass(frozen=True)
class Reactions:
    """An agent that edits a file for each of several tasks, and a user who may correct it.

    ``harm`` is how much more often users correct an agent that did not read the file first; ``asks`` whether some
    sessions end on a question, which leaves the user no occasion to correct anything.
    """

    seed: int
    harm: float = 0.0
    tests: bool = False
    tasks: int = 40
    runs: int = 20

    def transcripts(self) -> Iterator[Transcript]:
        generator = np.random.default_rng(self.seed)
        difficulty = generator.uniform(0.1, 0.4, self.tasks)
        for task in range(self.tasks):
            for run in range(self.runs):
                events = tuple(self._session(generator, task, float(difficulty[task])))
                session = Session(f"s{task}-{run}", "chat", agent="coder", task_id=f"t{task}")
                yield Transcript(session, events)

    def _session(self, generator: np.random.Generator, task: int, difficulty: float) -> Iterator[Event]:
        reads, lints, looks, tests = (generator.random(4) < (0.5, 0.4, 0.5, 0.5)).tolist()
        yield user(f"Please fix the page number {task} of the app.")
        if looks:
            yield from (call("Glob", pattern="*"), result("a.py"))
        if reads:
            yield from (call("Read", file_path="a.py"), result("x = 1"))
        yield from (call("Edit", file_path="a.py"), result("done"))
        if lints:
            yield from (call("Lint", path="."), result("done"))
        if tests and self.tests:
            passed = generator.random() < 0.5
            yield call("Bash", command="pytest -q")
            yield result("3 passed in 0.10s" if passed else "1 failed, 2 passed in 0.10s", error=not passed)
        yield said("The page is mended now.")
        if generator.random() < difficulty + (0.0 if reads else self.harm):
            yield user(str(generator.choice(_NO)))
            yield from (call("Edit", file_path="a.py"), result("done"), said("Mended again."))
        yield user("Good to know." if generator.random() < 0.5 else "Next I will look at it myself.")


def read(transcripts: Iterator[Transcript]) -> tuple[list[DigestedSession], list[Trace]]:
    """The sessions without rewards in the order of a corpus, and their traces."""
    sessions = [DigestedSession(each.session, None, digest_transcript(each)) for each in transcripts]
    ordered = sorted(sessions, key=lambda each: each.session.id)
    return ordered, [each.digest.trace for each in ordered]


def mined(world: Reactions, weights: dict[str, float], policy: MiningPolicy = POLICY) -> MiningResult:
    sessions, traces = read(world.transcripts())
    return mine_implicit(make_corpus(sessions), traces, policy, ImplicitPolicy(weights=weights))


def claims(result: MiningResult, *verdicts: str) -> set[str]:
    return {finding.hypothesis.label for finding in result.findings if finding.verdict in (verdicts or ("adopted",))}


def tested_names(result: MiningResult) -> Sequence[str]:
    return [finding.hypothesis.name_text for finding in result.findings]
