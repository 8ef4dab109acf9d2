"""``synthgen evaluate``: judge synthetic records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from synthgen.commands.options import FORCE, PATH, SEED, require_folder, require_free
from synthgen.commands.terminal import say, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from synthgen.metrics.result import Evaluation, Metric

_HEADLINES: Final = ("accuracy_1", "accuracy_2", "accuracy_3", "c2st", "tstr")
#: Of several tables: figures of all together, and of each.
_TOGETHER: Final = (
    *("c2st", "children_per_parent", "gaps", "transitions", "parent_child_association", "time_order", "date_window"),
)
_OF_EACH: Final = "accuracy_2"
_REFUSED: Final = 1
#: Of the names of figures, at least.
_WIDTH: Final = 26


@click.command("evaluate")
@click.argument("synthetic", type=PATH)
@click.option("--real", type=PATH, required=True, help="The real data that the generator learned from.")
@click.option("--holdout", type=PATH, help="Real records of other patients, which the generator never saw.")
@click.option("-m", "--model", type=PATH, help="The fitted synthesizer: its schema, and its holdout within --real.")
@click.option("-c", "--config", type=PATH, help="The schema config; guessed from --real without it and -m.")
@SEED
@click.option("--quick", is_flag=True, help="Leave out the measures that take long, such as the attacks.")
@click.option("--self-test", is_flag=True, help="Also judge generators whose faults are known; 1 if one is misjudged.")
@click.option("--gate", is_flag=True, help="Exit with 1 if a line failed, or a required line was not assessable.")
@click.option("-o", "--output", type=PATH, required=True, help="The folder for the reports.")
@FORCE
def command(
    synthetic: Path,
    real: Path,
    holdout: Path | None,
    model: Path | None,
    config: Path | None,
    seed: int | None,
    quick: bool,
    self_test: bool,
    gate: bool,
    output: Path,
    force: bool,
) -> int:
    """Judge SYNTHETIC records, by any generator, against the real ones.

    Of several tables SYNTHETIC, REAL and HOLDOUT are folders.

    Writes report.html and evaluation.json, which are personal data, and report-shareable.html and
    evaluation-shareable.json, which show no count of fewer than 11 patients. Without a holdout (-m or --holdout) the
    lines that need one are not assessable: real data are never split after the fact.

    With --self-test the evaluator is itself put to the test, in less than two minutes: of the real patients it makes a
    perfect generator, a full copy, a copy of one per cent and shuffled columns, and says what it found beside what it
    had to find.
    """
    require_folder(output)
    require_free(output, force=force)
    from synthgen import judgement
    from synthgen.report.write import write

    with shown() as progress:
        evaluation = judgement.evaluate(
            synthetic,
            real,
            holdout=holdout,
            model=model,
            schema=config,
            seed=seed,
            quick=quick,
            self_test=self_test,
            progress=progress,
        )
        write(evaluation, output, progress=progress)
    tell(evaluation)
    misjudged = tell_self_test(evaluation)
    say(f"seed {evaluation.seed}")
    say(f"report: {output / 'report.html'}")
    reasons = judgement.refusals(evaluation) if gate else ()
    for reason in reasons:
        say(f"gate refused: {' '.join(reason.split())}")
    return _REFUSED if reasons or misjudged else 0


def tell(evaluation: Evaluation) -> None:
    """Print the headline figures between floor and ceiling, and the verdict lines."""
    told = list(_told(evaluation))
    width = max([_WIDTH, *(len(name) for name, _ in told)])
    for name, metric in told:
        if metric.value is None:
            say(f"{name:<{width}} {metric.status.replace('_', ' ')}: {metric.reason}")
            continue
        floor, ceiling = (f"{x:.3f}" if x is not None else "–" for x in (metric.floor, metric.ceiling))
        say(f"{name:<{width}} {metric.value:.3f}  (floor {floor}, ceiling {ceiling})")
    for line in evaluation.verdicts:
        say(f"{line.name:<{width}} {line.verdict.replace('_', ' ')}")


def _told(evaluation: Evaluation) -> Iterator[tuple[str, Metric]]:
    """The figures that are printed, and what they are called."""
    if "tables" not in evaluation.inputs:
        yield from ((metric.name, metric) for metric in evaluation.metrics if metric.name in _HEADLINES)
        return
    for name in _TOGETHER:  # the first of a name is that of all tables together
        yield from [(name, metric) for metric in evaluation.metrics if metric.name == name][:1]
    for metric in evaluation.metrics:
        if metric.name == _OF_EACH:
            yield f"{_OF_EACH} {metric.table}", metric


def tell_self_test(evaluation: Evaluation) -> bool:
    """Print what was said of the generators with known faults beside what had to be said; whether one was misjudged."""
    for answer in evaluation.self_test:
        say(f"self-test, {answer.case}: {answer.answer.replace('_', ' ')}")
        say(f"  expected {answer.expected}")
        say(f"  said     {answer.said}")
    return any(answer.answer == "not_as_expected" for answer in evaluation.self_test)
