"""What the sessions of each agent of a team say by themselves."""

import msgspec

from reverie.mining.mine import MiningResult


class MemberFindings(msgspec.Struct, frozen=True):
    """What mining found in the sessions of one agent alone, with discovery and confirmation of its own."""

    agent: str
    own: MiningResult
    trusted: MiningResult | None
    """Without the sessions that are marked untrusted; None where that is the same."""

    @property
    def to_share(self) -> MiningResult:
        """What may leave the agent's private store."""
        return self.own if self.trusted is None else self.trusted

    @property
    def has_confirmation(self) -> bool:
        """Whether some of these sessions were kept for confirmation, which takes more of them than a few."""
        return self.to_share.split_by != "nothing"
