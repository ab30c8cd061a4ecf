"""What went on in a workspace, and what waits for a person."""

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.records import Activity, ActivityParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType


@endpoint(
    "activity.retrieve",
    "GET",
    "/v1/activity",
    query=RecordType(ActivityParams),
    answer=RecordType(Activity),
    extension=True,
)
async def retrieve(context: RequestContext) -> Activity:
    """Read what went on.

    Sessions day by day with their mean reward and its interval, and what a person may have to look at.
    """
    report_activity = await on_demand.load(lambda: on_demand.report_activity)
    query = context.query
    found = await report_activity(context.connection, query.get("days", 30), query.get("new_since"), context.now)
    return Activity(**{name: getattr(found, name) for name in found.__struct_fields__})
