"""An evaluation, or a contest of models, as one HTML file that fetches nothing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from synthgen.metrics.result import HISTORIES, Contest, Evaluation
from synthgen.report import board, sections, svg, tables, wording
from synthgen.report.attacks import attacks
from synthgen.report.document import Audience
from synthgen.report.groups import groups
from synthgen.report.numbers import chance, figure, span
from synthgen.report.summary import summary
from synthgen.report.use import use

if TYPE_CHECKING:
    from jinja2 import Environment


@svg.styled()
def render(evaluation: Evaluation, audience: Audience) -> str:
    """The report as the text of one self-contained page: no script, no font, no picture from elsewhere.

    The same evaluation gives the same text. ``audience`` chooses the banner only: give ``shareable`` the result of
    ``shareable.redact``.
    """
    headlines = sections.headline_metrics(evaluation)
    # Of several tables the page speaks of whole patients first, and then of each table.
    several = sections.of_several(evaluation)
    whole = sections.of_table(evaluation, HISTORIES) if several else evaluation
    return _environment().get_template("report.html").render(
        audience=audience,
        words=wording,
        verdicts=sections.verdict_lines(evaluation),
        tally=sections.tally(evaluation),
        summary=summary(evaluation),
        headlines=headlines,
        strip=sections.headline_chart(headlines),
        several=several,
        by_table=tables.by_table(evaluation),
        time=tables.time(evaluation),
        tables=list(tables.tables(evaluation)),
        offenders=list(sections.offenders(whole)),
        distributions=sections.distributions(whole),
        associations=list(sections.associations(whole)),
        use=list(use(evaluation)),
        neighbours=list(sections.neighbours(evaluation)),
        attacks=attacks(evaluation),
        groups=list(groups(evaluation)),
        self_test=sections.self_test(evaluation),
        everything=sections.everything(evaluation),
        provenance=sections.provenance(evaluation),
    )  # fmt: skip


def render_contest(contest: Contest) -> str:
    """The comparison of several models as the text of one self-contained page."""
    return _environment().get_template("compare.html").render(words=wording, board=board.of(contest))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("synthgen.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=figure, chance=chance, span=span)
    return environment
