"""One file with several rows of a patient, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen import plugins
from synthgen.metrics.result import Evaluation
from synthgen.report.html import render
from synthgen.report.shareable import redact
from synthgen.schema.config import Schema
from tests.metrics.longitudinal.hospital import SCHEMA, Tables, dataset, hospital, shuffled

VISITS = {
    key: value
    for key, value in SCHEMA.model_dump(exclude_unset=True)["tables"]["visits"].items()
    if key not in ("parent", "foreign_keys")
}


@pytest.fixture(autouse=True)
def _few_measures() -> Iterator[None]:
    chosen = {"marginals": plugins.metrics()["marginals"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "metrics", lambda: chosen)
        yield


def judged(synthetic: Tables, **told: object) -> Evaluation:
    schema = Schema.model_validate({"tables": {"visits": {**VISITS, **told}}})
    sets = [dataset({"visits": each["visits"]}) for each in (synthetic, hospital(100, 1), hospital(100, 2, "h"))]
    return synthgen.evaluate(sets[0], sets[1], holdout=sets[2], schema=schema, seed=1)


def test_a_file_with_an_order_is_judged_in_time_as_well() -> None:
    sound, faulty = hospital(100, 3, "s"), hospital(100, 3, "s")
    faulty["visits"]["start"] = shuffled(faulty["visits"]["start"], np.random.default_rng(1))
    found = [judged(each) for each in (sound, faulty)]
    gaps = [
        next(metric for metric in each.metrics if (metric.name, metric.table) == ("gaps", "visits")) for each in found
    ]
    assert gaps[0].value is not None
    assert gaps[1].value is not None
    assert gaps[1].value > gaps[0].value + 0.1
    assert [line.name for line in found[0].verdicts] == ["key_integrity"]
    assert found[0].inputs["table"] == "visits"
    page = render(found[0], "internal")
    assert ">Tables and time</h2>" in page
    assert ">Table by table</h2>" not in page
    assert "<h3>time to the next row of visits</h3>" in page
    assert render(redact(found[0]), "shareable")


def test_a_file_without_an_order_is_judged_as_before() -> None:
    found = judged(hospital(100, 3, "s"), order=None)
    assert {metric.name for metric in found.metrics} == {"marginals"}
    assert not found.verdicts


def test_a_column_whose_name_has_brackets_is_compared() -> None:
    config = {
        "ER [%]": {"kind": "integer"},
        "diagnoses": {"kind": "code", "system": "icd10", "separator": ","},
        "note": {"kind": "text"},
    }
    schema = Schema.model_validate({"tables": {"t": {"columns": config}}})
    frames = [
        pd.DataFrame({"ER [%]": np.arange(n, 60 + n) % 7, "diagnoses": ["I10,E11.9", "J18.9"] * 30, "note": "a"})
        for n in (0, 3)
    ]
    found = synthgen.evaluate(frames[0], frames[1], schema=schema, seed=1)
    assert found.inputs["columns_not_compared"] == ["note"]
