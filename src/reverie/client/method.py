"""Methods of the clients, made from the functions that describe their calls: same parameters, types and docstring."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, get_args, get_type_hints

from reverie.api.records import Page
from reverie.client.calls import ApiCall

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Item = TypeVar("Item")
Made = TypeVar("Made", bound=Callable[..., Any])


class Sender(Protocol):
    """Sends a call."""

    def send(self, call: ApiCall[Answer]) -> Answer:
        """The answer to a call."""


class AsyncSender(Protocol):
    """Sends a call and waits for the answer."""

    async def send(self, call: ApiCall[Answer]) -> Answer:
        """The answer to a call."""


def answer(describe: Callable[Given, ApiCall[Answer]]) -> Callable[Concatenate[Sender, Given], Answer]:
    """A method that gives the answer to a call."""

    def method(self: Sender, /, *given: Given.args, **named: Given.kwargs) -> Answer:
        return self.send(describe(*given, **named))

    return _documented(method, describe, lambda kind: kind)


def items(describe: Callable[Given, ApiCall[Page[Item]]]) -> Callable[Concatenate[Sender, Given], tuple[Item, ...]]:
    """A method that gives what a list of one page holds."""

    def method(self: Sender, /, *given: Given.args, **named: Given.kwargs) -> tuple[Item, ...]:
        return self.send(describe(*given, **named)).data

    return _documented(method, describe, lambda page: tuple[get_args(page)[0], ...])  # type: ignore[misc]


def each(describe: Callable[Given, ApiCall[Page[Item]]]) -> Callable[Concatenate[Sender, Given], Iterator[Item]]:
    """A method that gives what all pages of a list hold, which are read as they are needed."""

    def method(self: Sender, /, *given: Given.args, **named: Given.kwargs) -> Iterator[Item]:
        call: ApiCall[Page[Item]] | None = describe(*given, **named)
        while call is not None:
            page = self.send(call)
            yield from page.data
            call = None if page.next_page is None else call.at(page.next_page)

    return _documented(method, describe, lambda page: Iterator[get_args(page)[0]])  # type: ignore[misc]


def async_answer(
    describe: Callable[Given, ApiCall[Answer]],
) -> Callable[Concatenate[AsyncSender, Given], Coroutine[Any, Any, Answer]]:
    """As :func:`answer`, to be awaited."""

    async def method(self: AsyncSender, /, *given: Given.args, **named: Given.kwargs) -> Answer:
        return await self.send(describe(*given, **named))

    return _documented(method, describe, lambda kind: kind)


def async_items(
    describe: Callable[Given, ApiCall[Page[Item]]],
) -> Callable[Concatenate[AsyncSender, Given], Coroutine[Any, Any, tuple[Item, ...]]]:
    """As :func:`items`, to be awaited."""

    async def method(self: AsyncSender, /, *given: Given.args, **named: Given.kwargs) -> tuple[Item, ...]:
        return (await self.send(describe(*given, **named))).data

    return _documented(method, describe, lambda page: tuple[get_args(page)[0], ...])  # type: ignore[misc]


def async_each(
    describe: Callable[Given, ApiCall[Page[Item]]],
) -> Callable[Concatenate[AsyncSender, Given], AsyncIterator[Item]]:
    """As :func:`each`, for ``async for``."""

    async def method(self: AsyncSender, /, *given: Given.args, **named: Given.kwargs) -> AsyncIterator[Item]:
        call: ApiCall[Page[Item]] | None = describe(*given, **named)
        while call is not None:
            page = await self.send(call)
            for item in page.data:
                yield item
            call = None if page.next_page is None else call.at(page.next_page)

    return _documented(method, describe, lambda page: AsyncIterator[get_args(page)[0]])  # type: ignore[misc]


def _documented(method: Made, describe: Callable[..., Any], given_back: Callable[[Any], Any]) -> Made:
    """``method`` with the name, parameters and docstring of ``describe``, and what it gives back itself."""
    functools.update_wrapper(method, describe, assigned=("__name__", "__qualname__", "__doc__"), updated=())
    hints = get_type_hints(describe)
    hints["return"] = given_back(get_args(hints["return"])[0])
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [own, *inspect.signature(describe).parameters.values()]
    signature = inspect.Signature(parameters, return_annotation=hints["return"])
    vars(method).update(__signature__=signature, __annotations__=hints)
    del vars(method)["__wrapped__"]
    return method
