"""How a session's spans hang together: what is above a span, which of them speak, and in which agent's thread."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from reverie.sessions.importers.otlp.genai import operation_of as genai_operation
from reverie.sessions.importers.otlp.openinference import operation_of as openinference_operation
from reverie.sessions.importers.otlp.operation import Operation, joined
from reverie.sessions.importers.otlp.span import Span


class Step(msgspec.Struct, frozen=True):
    """A span with what it says."""

    span: Span
    operation: Operation

    @property
    def speaks(self) -> bool:
        """Whether it holds messages."""
        return bool(self.operation.heard or self.operation.said)


class Tree:
    """The steps of one session, by start."""

    def __init__(self, spans: Iterable[Span], read: Callable[[Span], Operation]) -> None:
        steps = [Step(span, read(span)) for span in spans]
        self._by_key = {step.span.key: step for step in steps}
        judged = {step.span.key for step in steps if any(above.operation.kind == "judge" for above in self.line(step))}
        self.steps = [step for step in steps if step.span.key not in judged]
        self.judged = len(judged)
        """Spans of evaluators and guardrails, which are left out."""
        self._active = self._agents_at_work()

    def above(self, step: Step) -> Iterator[Step]:
        """What encloses a step, from the inside out."""
        met = {step.span.key}
        while (step.span.trace_id, step.span.parent_id) not in met:
            parent = self._by_key.get((step.span.trace_id, step.span.parent_id))
            if parent is None:
                return
            met.add(parent.span.key)
            yield parent
            step = parent

    def line(self, step: Step) -> Iterator[Step]:
        """The step, and what encloses it."""
        yield step
        yield from self.above(step)

    def enclosing(self, steps: Iterable[Step]) -> frozenset[tuple[str, str]]:
        """The keys of all that encloses any of ``steps``."""
        return frozenset(above.span.key for step in steps for above in self.above(step))

    def speakers(self) -> list[Step]:
        """The steps whose messages are the session's.

        Calls of models, of nested ones the innermost; in a trace without any, the outermost agents and chains.
        """
        models = [step for step in self.steps if step.operation.kind == "model" and step.speaks]
        doubled = self.enclosing(models)
        told = {step.span.trace_id for step in models}
        others = [step for step in self.steps if step.operation.kind in ("agent", "chain") and step.speaks]
        outermost = [
            step
            for step in others
            if step.span.trace_id not in told
            and not any(above.speaks and above.operation.kind in ("agent", "chain") for above in self.above(step))
        ]
        found = [step for step in models if step.span.key not in doubled] + outermost
        return sorted(found, key=lambda step: (step.span.start, step.span.key))

    def tools(self) -> list[Step]:
        """The runs of tools; one directly within another of its name is the same."""
        found = []
        for step in self.steps:
            tool = step.operation.tool
            outer = next((above.operation for above in self.above(step) if above.operation.kind != "other"), None)
            doubled = outer is not None and outer.tool is not None and tool is not None and outer.tool.name == tool.name
            if tool is not None and not doubled:
                found.append(step)
        return found

    def innermost(self, steps: Iterable[Step]) -> list[Step]:
        """Those of ``steps`` that enclose none of the others."""
        given = list(steps)
        enclosing = self.enclosing(given)
        return [step for step in given if step.span.key not in enclosing]

    def agent_runs(self, step: Step) -> Sequence[Step]:
        """The agents within which the step is, from the outside in; one within another of its name is that one.

        One that neither speaks nor uses tools itself, such as a workflow that calls itself an agent, is none.
        """
        found: list[Step] = []
        for above in reversed(list(self.line(step))):
            name = above.operation.agent
            if above.span.key in self._active and not (found and found[-1].operation.agent == name):
                found.append(above)
        return found

    def _agents_at_work(self) -> frozenset[tuple[str, str]]:
        """The spans of agents of which each is the innermost around a model's call or a tool's run."""
        working = (step for step in self.steps if step.operation.kind in ("model", "tool"))
        innermost = (next((one for one in self.above(s) if one.operation.kind == "agent"), None) for s in working)
        return frozenset(step.span.key for step in innermost if step is not None)


def operation_of(span: Span) -> Operation:
    """What a span says, in whichever vocabularies it has."""
    return joined(genai_operation(span), openinference_operation(span))
