"""Synthetic and real data as they come: each has a defined answer, or one refusal that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import InputError
from synthgen.metrics.result import Evaluation
from synthgen.report.write import write
from synthgen.schema.config import Schema

COLUMNS = {
    "id": {"kind": "id"},
    "sex": {"kind": "category"},
    "icu": {"kind": "category"},
    "age": {"kind": "integer"},
    "code": {"kind": "category"},
    "day": {"kind": "date"},
    "lab": {"kind": "number", "decimals": 1},
}
SCHEMA = Schema.model_validate(
    {"tables": {"t": {"patient": "id", "target": "icu", "columns": COLUMNS}}, "model": {"name": "copula"}}
)


def people(n: int, seed: int) -> pd.DataFrame:
    """One row a patient, as text files hold them."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, n)
    return pd.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(n)],
            "sex": rng.choice(["F", "M"], n),
            "icu": np.where(rng.random(n) < age / 200, "1", "0"),
            "age": age.astype(str),
            "code": [f"R{i % 50}" for i in range(n)],  # none common enough to be missed
            "day": [f"2024-{month:02}-{day:02}" for month, day in rng.integers(1, 13, (n, 2))],
            "lab": np.where(rng.random(n) < 0.2, "", np.round(rng.normal(5, 1, n), 1).astype(str)),
        }
    )


REAL, HOLDOUT = people(150, 1), people(60, 2)


def judged(
    synthetic: pd.DataFrame, tmp_path: Path, *, real: pd.DataFrame = REAL, holdout: pd.DataFrame | None = HOLDOUT
) -> Evaluation:
    """Through text files, and into both reports, since these have to stand it too."""
    paths = {}
    for name, frame in (("real", real), ("holdout", holdout), ("synthetic", synthetic)):
        if frame is not None:
            paths[name] = tmp_path / f"{name}.csv"
            frame.to_csv(paths[name], index=False)
    found = synthgen.evaluate(paths["synthetic"], paths["real"], holdout=paths.get("holdout"), schema=SCHEMA, seed=1)
    assert len(write(found, tmp_path / "report")) == 4
    return found


ODD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "reordered": lambda frame: frame[frame.columns[::-1]],
    "a column more": lambda frame: frame.assign(extra=np.arange(len(frame))),
    "without the patient": lambda frame: frame.drop(columns="id"),
    "unseen categories": lambda frame: frame.assign(sex=np.where(np.arange(len(frame)) % 2, "X", frame["sex"])),
    "numbers that are texts in part": lambda frame: frame.assign(
        lab=np.where(np.arange(len(frame)) % 2, "low", frame["lab"])
    ),
    "labels that are all merged": lambda frame: frame.assign(code="other"),
    "a column all missing": lambda frame: frame.assign(age="", sex=""),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ODD)
def test_an_odd_synthetic_file_has_an_answer(case: str, tmp_path: Path) -> None:
    found = judged(ODD[case](people(150, 3)), tmp_path)
    assert found.metric("accuracy_1").value is not None
    assert {line.verdict for line in found.verdicts} <= {"none_detected", "pass", "not_assessable"}


def test_order_and_further_columns_change_no_figure(tmp_path: Path) -> None:
    plain = judged(people(150, 3), tmp_path)
    for case in ("reordered", "a column more"):
        assert judged(ODD[case](people(150, 3)), tmp_path).metrics == plain.metrics


@pytest.mark.parametrize(
    ("synthetic", "real", "holdout", "reason"),
    [
        (people(1, 3), REAL, HOLDOUT, "the synthetic set has 1 patient, at least 10 are needed"),
        (people(150, 3), REAL, people(1, 2), "the holdout set has 1 patient, at least 10 are needed"),
        (people(150, 3), people(5, 1), HOLDOUT, "the training set has 5 patients, at least 10 are needed"),
    ],
    ids=["one synthetic row", "a holdout of one patient", "five training rows"],
)
def test_what_is_too_small_is_not_assessable_and_says_why(
    synthetic: pd.DataFrame, real: pd.DataFrame, holdout: pd.DataFrame, reason: str, tmp_path: Path
) -> None:
    found = judged(synthetic, tmp_path, real=real, holdout=holdout)
    assert found.metric("accuracy_1").reason == reason
    assert {line.verdict for line in found.verdicts if line.name in found.required} <= {"not_assessable", "pass"}


def test_fifty_training_rows_have_an_answer(tmp_path: Path) -> None:
    def drawn(n: int, seed: int) -> pd.DataFrame:
        # By chance, so that whom a code of one patient belongs to is chance too.
        codes = np.random.default_rng(seed).integers(50, size=n)
        return people(n, seed).assign(code=[f"R{code}" for code in codes])

    found = judged(drawn(50, 9), tmp_path, real=drawn(50, 7), holdout=drawn(20, 8))
    assert found.metric("accuracy_1").value is not None
    assert all(line.verdict not in ("leak", "fail") for line in found.verdicts)
    words = {line.name: line.verdict for line in found.verdicts}
    assert words["singling_out"] == words["linkability"] == "not_assessable"  # of twenty patients no rate can be told
    assert all(line.detail for line in found.verdicts)
    assert all(line.detectable is None or line.detectable > 0.2 for line in found.verdicts)  # and none claims much


def test_a_synthetic_set_of_missing_cells_alone_has_an_answer(tmp_path: Path) -> None:
    empty = people(150, 3).assign(sex="", icu="", age="", code="", day="", lab="")
    found = judged(empty, tmp_path)
    assert found.metric("accuracy_1").value is not None
    assert found.metric("accuracy_1").value < 0.3
    assert found.metric("missingness").value is not None


def refused(synthetic: pd.DataFrame, tmp_path: Path, **more: pd.DataFrame) -> str:
    with pytest.raises(InputError) as told:
        judged(synthetic, tmp_path, **more)
    assert "\n" not in str(told.value)
    return str(told.value).replace(f"{tmp_path}/", "")


def test_refusals_say_which_file_and_what_to_do(tmp_path: Path) -> None:
    some = people(150, 3)
    assert refused(some.drop(columns=["sex", "lab"]), tmp_path) == (
        "synthetic.csv: lacks the columns sex, lab; add them, or evaluate with a config without"
    )
    assert refused(some[:0], tmp_path) == "synthetic.csv:1: found only a header and no rows; export the file again"
    assert refused(some, tmp_path, holdout=HOLDOUT[:0]) == (
        "holdout.csv:1: found only a header and no rows; export the file again"
    )
    assert refused(some.assign(day=some["day"].str.replace("-", "/")), tmp_path) == (
        "synthetic.csv: no cell of day reads as the number or date that the config declares; "
        "write them as the real data do"
    )
    assert refused(some.assign(icu=some["icu"] + ".0"), tmp_path) == (
        "synthetic.csv: no value of icu occurs in the real data; "
        "write values as the real data do (1 is not 1.0, and yes is not True)"
    )
    assert refused(some.rename(columns=str.upper), tmp_path) == (
        "synthetic.csv: none of the 7 columns of the config is in the header; mend the config or the data"
    )
    assert refused(some.rename(columns={"sex": ""}), tmp_path).endswith(
        "synthetic.csv:1: column 2 of 7 has no name; give it a name"
    )


def test_an_index_that_pandas_wrote_is_named_as_such(tmp_path: Path) -> None:
    people(150, 3).to_csv(tmp_path / "s.csv")
    with pytest.raises(InputError, match=r"column 1 of 8 has no name; .* without the row index .*index=F"):
        synthgen.evaluate(tmp_path / "s.csv", REAL, schema=SCHEMA)


def test_a_ragged_row_and_a_lost_file_are_told_once_with_their_line(tmp_path: Path) -> None:
    text = people(150, 3).to_csv(index=False).splitlines()
    (tmp_path / "s.csv").write_text("\n".join([*text[:5], "a,b", *text[5:]]), "utf-8")
    with pytest.raises(InputError, match=r"s.csv:6: found 2 fields, expected the 7 of the header"):
        synthgen.evaluate(tmp_path / "s.csv", REAL, schema=SCHEMA)
    with pytest.raises(InputError, match="there is no such file or folder"):
        synthgen.evaluate(tmp_path / "no.csv", REAL, schema=SCHEMA)


def test_another_type_of_the_same_values_is_no_difference(tmp_path: Path) -> None:
    """Typed columns of a Parquet file, whole numbers as floats, against the text of a CSV file."""
    text = people(150, 3)
    typed = pa.table(
        {
            "id": text["id"],
            "sex": pa.array(text["sex"]).dictionary_encode(),
            "icu": text["icu"].astype("int64"),
            "age": text["age"].astype(float),
            "code": text["code"],
            "day": pd.to_datetime(text["day"]).dt.date,
            "lab": pd.to_numeric(text["lab"]),
        }
    )
    pq.write_table(typed, tmp_path / "s.parquet")
    REAL.to_csv(tmp_path / "real.csv", index=False)
    found = synthgen.evaluate(tmp_path / "s.parquet", tmp_path / "real.csv", schema=SCHEMA, seed=1)
    assert found.metrics == synthgen.evaluate(text, tmp_path / "real.csv", schema=SCHEMA, seed=1).metrics


def test_no_row_and_a_cell_that_no_type_holds_are_refused_of_frames_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no rows; give a table that has some"):
        synthgen.evaluate(people(0, 3), REAL, schema=SCHEMA)
    pq.write_table(pa.Table.from_pandas(people(10, 3)[:0]), tmp_path / "s.parquet")
    with pytest.raises(InputError, match=r"s\.parquet: found only a header and no rows"):
        synthgen.evaluate(tmp_path / "s.parquet", REAL, schema=SCHEMA)


def test_a_split_that_holds_nobody_out_is_no_holdout(tmp_path: Path) -> None:
    """With a share of a thousandth, a keyed hash may leave a small extract without any held-out patient."""
    schema = SCHEMA.model_copy(update={"holdout": 0.0001})
    synthgen.fit(REAL, schema, seed=1).save(tmp_path / "m")
    found = synthgen.evaluate(people(150, 3), REAL, model=tmp_path / "m", seed=1)
    assert found.inputs["train"]["patients"] == 150
    assert {line.verdict for line in found.verdicts if line.name in found.required} <= {"not_assessable", "pass"}
