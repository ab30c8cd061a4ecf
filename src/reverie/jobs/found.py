"""What the steps of a dream have left behind for the ones after them."""

import msgspec

from reverie.assist.consultation import Consultation, Judgement
from reverie.assist.wording import ModelWording
from reverie.mining.mine import MiningResult
from reverie.overview.overview import Overview
from reverie.storage.learning.consultations import latest_wording, read_contribution
from reverie.storage.learning.dreams import DreamRow, read_overview
from reverie.storage.learning.findings import read_findings
from reverie.storage.postgres.database import Connection


class Found(msgspec.Struct, frozen=True):
    """What the steps of a dream have left behind, read once."""

    mined: MiningResult
    overview: Overview | None
    consultation: Consultation | None
    judgement: Judgement
    own_words: ModelWording | None
    """What a model said in this dream."""
    words: ModelWording
    """What it said, or what one said earlier: without a model, words stay as long as what they say is still found."""


async def read_found(connection: Connection, dream: DreamRow) -> Found:
    """What the steps of ``dream`` have left behind."""
    own = await read_contribution(connection, dream.id, ModelWording)
    return Found(
        mined=await read_findings(connection, dream.id),
        overview=await read_overview(connection, dream.id),
        consultation=await read_contribution(connection, dream.id, Consultation),
        judgement=await read_contribution(connection, dream.id, Judgement) or Judgement(),
        own_words=own,
        words=own or await latest_wording(connection, dream),
    )
