"""Files of any generator come onto one footing with the real ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from synthgen import plugins
from synthgen.errors import InputError
from synthgen.metrics.base import Comparison
from synthgen.metrics.prepare import Sheet, compare
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig
from synthgen.tables.memory import MemoryTable

Cells = Mapping[str, Sequence[str]]


def sheet(columns: Cells, marks: Format | None = None) -> Sheet:
    cells = {name: pa.array(list(texts), pa.string()).dictionary_encode() for name, texts in columns.items()}
    return Sheet("x.csv", cells, dict.fromkeys(cells, marks or Format()))


def compared(train: Cells, synthetic: Cells, holdout: Cells | None = None, *, marks: Format | None = None,
             patient: str | None = None, **columns: Any) -> Comparison:  # fmt: skip
    declared = {name: kind if isinstance(kind, dict) else {"kind": kind} for name, kind in columns.items()}
    return compare(
        TableConfig.model_validate({"patient": patient, "missing": ["", "?"], "columns": declared}),
        table="t",
        train=sheet(train),
        holdout=None if holdout is None else sheet(holdout),
        synthetic=sheet(synthetic, marks),
        rare_below=5,
    )


def test_numbers_in_another_dialect_are_the_same_numbers() -> None:
    german = Format(delimiter=";", decimal=",", thousands=".")
    both = compared({"a": ["1234.5", "?"]}, {"a": ["1.234,5", "2,0"]}, marks=german, a="number")
    assert both.train.numbers["a"][0] == both.synthetic.numbers["a"][0] == 1234.5
    assert both.train.codes["a"].tolist() == [0, -1]


def test_text_results_and_unreadable_texts_are_labels_apart() -> None:
    both = compared({"a": ["<5", "7", ""]}, {"a": ["neg", "7.0", "<5"]}, a={"kind": "integer", "atoms": ["neg"]})
    assert both.variables[0].labels == ("<5", "neg")
    assert both.train.codes["a"].tolist() == [1, 0, -1]
    assert both.synthetic.codes["a"].tolist() == [2, 0, 1]


def test_dates_are_days_and_times_are_seconds() -> None:
    cells = {"d": ["02.01.1970"], "m": ["1970-01-01 00:01"], "t": ["01:00"]}
    both = compared(
        cells, cells, d={"kind": "date", "format": "%d.%m.%Y"}, m={"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
        t="time",
    )  # fmt: skip
    assert [float(both.train.numbers[name][0]) for name in "dmt"] == [1, 60, 3600]
    assert [variable.temporal for variable in both.variables] == ["date", "datetime", "time"]


def test_missing_columns_are_named_and_extra_ones_left_out() -> None:
    with pytest.raises(InputError, match=r"x\.csv: lacks the columns b"):
        compared({"a": ["1"], "b": ["1"]}, {"a": ["1"]}, a="integer", b="integer")
    both = compared({"a": ["1"]}, {"a": ["1"], "extra": ["1"]}, a="integer")
    assert [variable.name for variable in both.variables] == ["a"]


def test_ids_notes_and_fakes_are_not_compared() -> None:
    cells = {name: ["x"] for name in "abcde"}
    both = compared(cells, cells, a="id", b="text", c="drop", d={"kind": "fake", "provider": "name"}, e="category")
    assert [variable.name for variable in both.variables] == ["e"]


def test_a_patient_is_told_by_the_id_without_spaces_and_a_row_without_one_stands_alone() -> None:
    cells = {"who": ["7", "7 ", "8", "", "?", "?"], "a": ["x"] * 6}
    both = compared(cells, cells, patient="who", who="id", a="category")
    one, same, other, *alone = both.train.patient.tolist()
    assert one == same
    assert len({one, other, *alone}) == 5


def test_a_missing_token_among_the_codes_of_a_cell_takes_no_position() -> None:
    cells = {"codes": ["A|B", "?|B", "?"] * 20}
    both = compared(cells, cells, codes={"kind": "code", "separator": "|"})
    labels = {variable.name: variable.labels for variable in both.variables}
    first = [labels["codes[1]"][code] if code >= 0 else "" for code in both.train.codes["codes[1]"][:3]]
    assert first[:2] == ["A", "B"]


def test_a_determined_column_is_compared_as_it_stands() -> None:
    cells = {"code": ["1", "2"], "day": ["2020-01-01", "2020-01-02"]}
    both = compared(cells, cells, code="category", day={"kind": "date", "determined_by": "code"})
    assert [variable.kind for variable in both.variables] == ["categorical", "categorical"]


def test_a_position_that_few_patients_reach_is_no_column_of_the_report() -> None:
    lists = ["I10, E11"] * 11 + ["I10, E11, J45"] * 10
    both = compared({"c": lists}, {"c": ["I10"]}, c={"kind": "code", "separator": ", "})
    assert [variable.name for variable in both.variables] == ["c[1]", "c[2]"]
    who = [str(i // 3) for i in range(30)]  # ten patients with three rows each
    both = compared({"w": who, "c": ["I10, E11"] * 30}, {"w": who, "c": ["I10"] * 30}, patient="w", w="id",
                    c={"kind": "code", "separator": ", "})  # fmt: skip
    assert both.variables == ()


def test_absurd_numbers_are_brought_within_reach_and_sane_ones_left_alone() -> None:
    both = compared({"a": ["0", "10", "9007199254740992"]}, {"a": ["1e300", "-1e999", "5"]}, a="number")
    assert both.train.numbers["a"].tolist() == [0, 10, 9007199254740992]
    assert np.isfinite(both.synthetic.numbers["a"]).all()
    assert both.synthetic.numbers["a"][2] == 5
    assert both.synthetic.numbers["a"][0] > 1e20


@pytest.mark.parametrize("name", list(plugins.metrics()))
@pytest.mark.parametrize("where", [("train", "holdout"), ("synthetic",)])
def test_every_measure_has_a_defined_answer_for_absurd_numbers(name: str, where: tuple[str, ...]) -> None:
    rng = np.random.default_rng(1)
    sets = {
        key: {"a": [f"{x:.2f}" for x in rng.normal(size=n)], "b": [str(x) for x in rng.integers(0, 3, n)]}
        for key, n in (("train", 240), ("holdout", 120), ("synthetic", 240))
    }
    for key in where:
        sets[key]["a"][7:9] = ["1e300", "-1e308"]
    both = compared(sets["train"], sets["synthetic"], sets["holdout"], a="number", b="category")
    measure = plugins.load_metric(name)()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        metrics = measure.measure(both, rng=np.random.default_rng(1))
        measure.judge(metrics, both)
    assert metrics
    assert all(metric.value is None or np.isfinite(metric.value) for metric in metrics)


def test_in_a_typed_table_text_columns_keep_the_dialect_of_the_text_file_they_came_from() -> None:
    """As ``sample(...).to_pandas()`` gives for a text file: lab values as ``7,5``, which pandas knows as text."""
    typed = MemoryTable.from_arrow(pa.table({"hba1c": ["7,5", "8,1"], "age": [40.5, 41.0]}), "t")
    read = Sheet.of(typed, Format(delimiter=";", decimal=","))
    assert read.formats["hba1c"].decimal == ","
    assert read.formats["age"].decimal == "."
