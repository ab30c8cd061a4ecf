"""What few labels say beside a proxy, for a terminal."""

import click

from reverie.cli.table import format_table
from reverie.display_name import numbered
from reverie.dreams.dream import LabelledRow, LabelSummary

_SHOWN = 12


def echo_labelled(told: LabelSummary) -> None:
    """Print the claims that a proxy suggests, with what the labels say of them."""
    auc = told.auc
    predicts = (
        f", which predicts them with an AUC of {auc.estimate:.2f} ({auc.low:.2f} to {auc.high:.2f})" if auc else ""
    )
    click.echo(
        f"{numbered(told.labels, 'label')} of {numbered(told.sessions, 'session')} beside the proxy "
        f"`{told.proxy}`{predicts}."
    )
    if told.note:
        click.secho(f"{told.note[:1].upper()}{told.note[1:]}.", fg="yellow")
    elif not told.claims:
        click.echo("The proxy suggests nothing to test.")
    if told.claims:
        head = ("status", "effect", "95 %", "labels alone", "width", "behaviour")
        click.echo(format_table(head, [_row(claim) for claim in told.claims[:_SHOWN]], "lrrrrl"))
    if len(told.claims) > _SHOWN:
        click.echo(f"And {len(told.claims) - _SHOWN} more, in the dream's JSON result.")


def _row(claim: LabelledRow) -> list[str]:
    effect, alone = claim.effect, claim.alone
    if effect is None or alone is None or claim.width is None:
        return [claim.verdict, "", "too few labels", "", "", claim.behaviour]
    spans = [f"{each.low:+.2f} … {each.high:+.2f}" for each in (effect, alone)]
    width = f"{claim.width:.2f}" if claim.proxy_helped else "no help"
    return [claim.verdict, f"{effect.estimate:+.2f}", *spans, width, claim.behaviour]
