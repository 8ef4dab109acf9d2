"""One file whose rows have an order in time: what is known of its patients and their visits comes out of ``sample``."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen import workflow
from synthgen.artifact.ordered import OrderedSynthesizer
from synthgen.errors import InputError
from synthgen.relational.flat.apart import Apart
from synthgen.schema.config import Schema
from synthgen.tables.memory import MemoryTable
from synthgen.tables.split import Split

OPENED, CLOSED = date(2018, 1, 1), date(2024, 1, 1)
STAGES = ["mild", "moderate", "severe"]


def visits(n: int = 400, seed: int = 1) -> pd.DataFrame:
    """Visits that stand in no order in the file: the stage never improves, and no stay ends before it begins."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(n):
        born = date(1940, 1, 1) + timedelta(days=int(rng.integers(0, 20_000)))
        at, stage = OPENED + timedelta(days=int(rng.integers(0, 300))), 0
        sex = "FM"[int(rng.integers(0, 2))]
        for _ in range(int(rng.integers(1, 6))):
            stage = min(stage + int(rng.random() < 0.4), 2)
            left = at + timedelta(days=int(rng.geometric(0.3)))
            rows.append(
                {
                    "visit": f"V{1_000_000 + len(rows) * 7}",
                    "person": f"P{who * 11 + 100_000}",
                    "name": f"Realname{who:04d}",
                    "sex": sex,
                    "born": born.isoformat(),
                    "admitted": at.isoformat(),
                    "discharged": left.isoformat(),
                    "days": str((left - at).days),
                    "age_days": str((at - born).days),
                    "stage": STAGES[stage],
                    "pregnant": "yes" if sex == "F" and rng.random() < 0.2 else "no",
                }
            )
            at = left + timedelta(days=int(rng.geometric(0.01)))
    return pd.DataFrame(rows).sample(frac=1, random_state=seed).reset_index(drop=True)


def schema(model: str = "copula", **table: Any) -> Schema:
    columns: dict[str, Any] = {
        "visit": {"kind": "id"},
        "person": {"kind": "id"},
        "name": {"kind": "fake", "provider": "name", "sex": "sex"},
        "sex": {"kind": "category"},
        "born": {"kind": "date"},
        "admitted": {"kind": "date"},
        "discharged": {"kind": "date"},
        "days": {"kind": "integer", "computed": "discharged - admitted"},
        "age_days": {"kind": "integer", "computed": "admitted - born"},
        "stage": {"kind": "ordinal", "order": STAGES},
        "pregnant": {"kind": "boolean", "true": "yes", "false": "no"},
    }
    own = {"key": "visit", "patient": "person", "order": "admitted", "columns": columns}
    return Schema.model_validate({"tables": {"visits": own | table}, "model": {"name": model}})


RULES = ["pregnant == 'yes' implies sex == 'F'", "age_days >= 3650"]


@pytest.fixture(scope="module")
def fitted() -> workflow.Fit:
    return synthgen.fit(visits(), schema(constraints=RULES), seed=1)


@pytest.fixture(scope="module")
def made(fitted: workflow.Fit) -> pd.DataFrame:
    return synthgen.sample(fitted.synthesizer, 1500, seed=2).to_pandas()


def days(cells: pd.Series) -> pd.Series:
    return pd.to_datetime(cells)


def test_the_columns_of_the_patient_are_told_apart() -> None:
    table = MemoryTable.from_pandas(visits(), "visits")
    split = Split.draw(table, share=0.2, patient="person", seed=1)
    apart = Apart.of(table, schema(), split)
    assert apart.personal == ("name", "sex", "born")
    assert [*apart.across] == ["age_days"]


def test_rows_of_a_patient_come_in_their_order_and_what_is_known_of_real_rows_holds(made: pd.DataFrame) -> None:
    assert len(made) == 1500
    assert [*made.columns] == [*schema().tables["visits"].columns]
    assert (days(made["discharged"]) >= days(made["admitted"])).all()
    before = made.groupby("person")[["admitted", "discharged", "stage"]].shift()
    later = before["admitted"].notna()
    assert later.sum() > 500
    assert (days(made["admitted"])[later] >= days(before["admitted"])[later]).all()
    assert made["admitted"].min() >= OPENED.isoformat()
    assert made["visit"].is_unique
    assert not set(made["name"]) & set(visits()["name"])


def test_the_patient_is_one_person(made: pd.DataFrame) -> None:
    whose = made.groupby("person")
    for column in ("name", "sex", "born"):
        assert (whose[column].nunique() == 1).all()
    numbers = whose.size()[:-1]  # the last patient is cut
    assert numbers.max() <= 5
    assert abs(numbers.mean() - visits().groupby("person").size().mean()) < 0.4


def test_what_is_computed_from_the_patient_and_the_row_is_exact(made: pd.DataFrame) -> None:
    age = (days(made["admitted"]) - days(made["born"])).dt.days
    assert (made["age_days"].astype(int) == age).all()
    assert (made["days"].astype(int) == (days(made["discharged"]) - days(made["admitted"])).dt.days).all()


def test_rules_on_the_patient_and_the_row_hold(fitted: workflow.Fit, made: pd.DataFrame) -> None:
    assert len(fitted.rules) == 2
    assert not ((made["pregnant"] == "yes") & (made["sex"] == "M")).any()
    assert (made["pregnant"] == "yes").mean() == pytest.approx(0.1, abs=0.05)
    assert (made["age_days"].astype(int) >= 3650).all()


def test_an_artifact_gives_the_same_rows(fitted: workflow.Fit, made: pd.DataFrame, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m.synthgen")
    again = synthgen.load(tmp_path / "m.synthgen")
    assert isinstance(again, OrderedSynthesizer)
    assert synthgen.sample(again, 1500, seed=2).to_pandas().equals(made)
    assert synthgen.sample(again, 300, seed=2).to_pandas().equals(made.head(300))


def test_conditions_hold_in_every_row(fitted: workflow.Fit) -> None:
    where = ["sex = M", "stage = severe", "admitted >= 2020-01-01"]
    some = synthgen.sample(fitted.synthesizer, 200, seed=3, where=where).to_pandas()
    assert len(some) == 200
    assert set(some["sex"]) == {"M"}
    assert set(some["stage"]) == {"severe"}
    assert (some["admitted"] >= "2020-01-01").all()


def test_what_conditions_on_patients_cost_is_told() -> None:
    """The birth is drawn before the sex, so a sex is asked for by resampling; rows are chosen, each worth one."""
    synthesizer = synthgen.fit(visits(100), schema("autoregressive"), seed=1).synthesizer
    asked = {of: synthgen.sample(synthesizer, 10, seed=3, where=[of]) for of in ("sex = M", "stage = severe")}
    assert 0.1 < asked["sex = M"].effective_share() < 1.0
    assert asked["stage = severe"].effective_share() == 1.0


def test_what_is_never_there_is_refused(fitted: workflow.Fit) -> None:
    with pytest.raises(InputError, match="rows is so"):
        synthgen.sample(fitted.synthesizer, 10, seed=3, where=["admitted >= 2090-01-01"]).to_pandas()
    with pytest.raises(InputError, match="--where: column pregnant has no order"):
        synthgen.sample(fitted.synthesizer, 10, seed=3, where=["pregnant > no"]).to_pandas()


def test_patients_are_shared_out_among_levels_of_their_own(fitted: workflow.Fit) -> None:
    some = synthgen.sample(fitted.synthesizer, 2000, seed=3, balance=["sex"]).to_pandas()
    assert some.drop_duplicates("person")["sex"].value_counts(normalize=True)["F"] == pytest.approx(0.5, abs=0.03)
    with pytest.raises(InputError, match="--balance: stage changes within patients"):
        synthgen.sample(fitted.synthesizer, 10, seed=3, balance=["stage"]).to_pandas()


def test_a_row_without_a_patient_is_named() -> None:
    frame = visits(100)
    frame.loc[6, "person"] = ""
    with pytest.raises(InputError, match="record 7, column person: found no patient"):
        synthgen.fit(frame, schema(), seed=1)


def test_the_evaluation_has_a_section_of_time(fitted: workflow.Fit, made: pd.DataFrame, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m.synthgen")
    evaluation = synthgen.evaluate(made, visits(), model=tmp_path / "m.synthgen", seed=1, quick=True)
    order = evaluation.metric("time_order")
    assert order.value == 0
    assert evaluation.metric("gaps").value is not None


@pytest.mark.parametrize(
    ("personal", "told"),
    [
        (("sex", "visit_nr"), "not columns of the table"),
        (("admitted",), "not columns of the table"),
        (("sex",), "parted from what it depends on"),  # the name agrees with the sex
        (("age_days", "sex", "name"), "parted from what it depends on"),
    ],
)
def test_a_damaged_artifact_parts_no_columns_that_belong_together(personal: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Apart(schema(), personal)
    with pytest.raises(ValueError, match="not one table"):
        Apart(schema(order=None), ("sex", "name"))
