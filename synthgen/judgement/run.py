"""The verb: sets compared, measures run, verdicts told."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen import plugins
from synthgen.artifact.load import look
from synthgen.errors import InputError
from synthgen.inputs import Data, drawn_seed, only_table, split_path, with_schema
from synthgen.judgement import one, several
from synthgen.metrics.base import Measure
from synthgen.metrics.judging import judged, measures
from synthgen.metrics.judging_tables import histories_of, judged_tables, of_histories, relational_measures
from synthgen.metrics.known_answers import known_answers
from synthgen.metrics.result import Evaluation
from synthgen.progress import Progress, silent
from synthgen.schema.config import Policy, Schema
from synthgen.tables.split import Split


def evaluate(
    synthetic: Data,
    real: Data,
    *,
    holdout: Data | None = None,
    model: Path | str | None = None,
    schema: Schema | Path | str | None = None,
    seed: int | None = None,
    quick: bool = False,
    self_test: bool = False,
    progress: Progress = silent,
) -> Evaluation:
    """Judge synthetic records of any generator against the real ones.

    An extract of several tables is a folder of them, or a data set; so are then its synthetic counterpart and its
    holdout.

    Args:
        real: the data that the generator learned from; with ``model``, the file given to ``fit``, whose holdout is
            found again through ``MODEL.split``.
        holdout: real records of other patients that the generator never saw, instead.
        model: the path of a fitted synthesizer; its schema is used.
        schema: a config; inferred from ``real`` where neither it nor ``model`` is given.
        quick: leave out the measures that take long.
        self_test: also put generators whose faults are known in the place of the synthetic records, and compare what
            is said of them with what has to be said.

    Raises:
        InputError: files or columns are missing, or ``real`` is not what the model was fitted on.
    """
    seed = drawn_seed(seed)
    split, synthesizer = None, None
    if model is not None:
        if schema is not None:
            raise InputError("-m and -c both name a schema; give one of them")
        synthesizer = look(Path(model))
        schema = synthesizer.schema
        split = Split.load(split_path(Path(model))) if holdout is None else None
    dataset, schema = with_schema(real, schema)
    policy = schema.evaluation.policy
    chosen = measures(policy, quick=quick)
    if len(schema.tables) > 1:
        relational = relational_measures(quick=quick)
        extracts, inputs = several.compared(synthetic, dataset, holdout, split, schema, synthesizer)
        metrics, verdicts = judged_tables(chosen, relational, extracts, seed=seed, progress=progress)
        comparison, tested = histories_of(extracts), of_histories(chosen)
    else:
        comparison, inputs = one.compared(synthetic, only_table(dataset), holdout, split, schema, synthesizer)
        metrics, verdicts = judged(chosen, comparison, seed=seed, progress=progress)
        tested = chosen
        timed = one.in_time(synthetic, only_table(dataset), holdout, split, schema)
        if timed is not None:
            relational = relational_measures(quick=quick)
            more, lines = judged_tables({}, relational, timed, seed=seed, progress=progress)
            metrics, verdicts = (*metrics, *more), (*verdicts, *lines)
    return Evaluation(
        seed=seed,
        synthgen=importlib.metadata.version("synthgen"),
        inputs=inputs | _settings(policy, chosen, quick=quick),
        verdicts=verdicts,
        metrics=metrics,
        required=policy.required,
        records_only=policy.release == "records",
        self_test=known_answers(comparison, tested, seed=seed, progress=progress) if self_test else (),
    )


def _settings(policy: Policy, chosen: Mapping[str, Measure], *, quick: bool) -> dict[str, Any]:
    """What was asked for: with seed and versions, all that another run needs to say the same."""
    limits = {name: limit for name, measure in chosen.items() if (limit := getattr(measure, "limit", None)) is not None}
    left_out = [name for name in plugins.metrics() if name not in chosen]
    return {
        "mode": "quick" if quick else "full",
        "not_run": left_out,
        "policy": {"required": list(policy.required), "limits": limits, "release": policy.release},
    }
