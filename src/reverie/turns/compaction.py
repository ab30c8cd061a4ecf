"""Making a long conversation short: a request of its own, and the context that stands for the log from then on."""

from collections.abc import Sequence

from reverie.models.router import RoutedModel
from reverie.runtime.compaction import compaction_request, summary_of
from reverie.runtime.conversation import ThreadContext
from reverie.runtime.reply_events import request_end
from reverie.storage.live.leases import Lease
from reverie.storage.live.replies import write_context
from reverie.turn_model import TurnMessage, whole_reply
from reverie.turns.desk import Desk
from reverie.turns.log import append, write


async def compact(desk: Desk, lease: Lease, routed: RoutedModel, messages: Sequence[TurnMessage]) -> None:
    """Have the model summarise what was said, and let the summary stand for it.

    Raises:
        ModelError: no summary can be had.
        ConflictError: the lease does not stand.
    """
    await append(desk, lease, [{"type": "span.model_request_start"}])
    reply = await whole_reply(routed.model, compaction_request(messages, routed.context_tokens))
    end = request_end(reply.usage, routed.price)
    async with desk.database.connection() as connection:
        session, transition = await write(desk, connection, lease, [end, {"type": "agent.thread_context_compacted"}])
        first = session.event_count + len(transition.events)
        context = ThreadContext(first, summary_of(reply, messages))
        await write_context(connection, session.key, lease.thread, context, routed.model.model)
