"""What happened since the visitor last looked."""

from starlette.responses import Response

from reverie.console.page import page
from reverie.console.visit import Visit


@page("GET", "/console", "home")
async def home(visit: Visit) -> Response:
    """The first page."""
    return visit.show("home.html")
