"""Stands in for a model, so that the support desk runs offline."""

import re

from reverie.testing.fake_models import Reply, Request, call, say


def answer(request: Request) -> Reply:
    """Looks up the order that the customer names, and passes on what was found."""
    if request.results:
        return say(f"Your order: {request.results[-1].text}. I keep an eye on it.")
    if number := re.search(r"\d+", request.text):
        return say("Let me look that up.") + call("look_up_order", {"number": number[0]})
    return say("Which order is it about? Please give me its number.")
