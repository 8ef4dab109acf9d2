"""Computed columns leave before the model and agree with their operands after it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from synthgen.errors import InputError
from synthgen.relational.codec import Codec, Plan
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig
from tests.relational.world import config, learned, sample

WEIGHTS = config(
    weight={"kind": "number", "decimals": 1},
    height={"kind": "integer"},
    bmi={"kind": "number", "decimals": 1, "computed": "weight / (height / 100) ** 2", "missing": ["", "?"]},
)


def weights(n: int = 500) -> dict[str, list[str]]:
    """A body mass index that one in five lacks for either of two reasons; one weight in ten is missing."""
    rng = np.random.default_rng(0)
    weight, height = np.round(rng.uniform(45, 120, n), 1), rng.integers(150, 200, n)
    bmi = [f"{value:.1f}" for value in weight / (height / 100) ** 2]
    known = rng.random(n) < 0.9
    reason = rng.choice(["", "", "?", "x", "x", "x", "x", "x", "x", "x", "x", "x"], n)
    return {
        "weight": [f"{value:.1f}" if is_ else "" for value, is_ in zip(weight, known, strict=True)],
        "height": height.astype(str).tolist(),
        "bmi": [
            "" if not is_ else text if why == "x" else str(why)
            for text, why, is_ in zip(bmi, reason, known, strict=True)
        ],
    }


def test_what_is_generated_agrees_with_its_operands() -> None:
    found = sample(learned(weights(), WEIGHTS), 2000)
    for weight, height, bmi in zip(*found.values(), strict=True):
        if bmi not in ("", "?"):
            assert bmi == f"{float(weight) / (int(height) / 100) ** 2:.1f}"
    assert all(bmi in ("", "?") for weight, bmi in zip(found["weight"], found["bmi"], strict=True) if weight == "")


def test_why_a_result_is_missing_is_learned() -> None:
    real, found = weights(), sample(learned(weights(), WEIGHTS), 4000)
    shares = [Counter(table["bmi"])["?"] / len(table["bmi"]) for table in (real, found)]
    assert shares[1] == pytest.approx(shares[0], abs=0.02)


def test_the_model_sees_no_value_of_it() -> None:
    made = learned(weights(), WEIGHTS)
    assert [domain.size for domain in made.codec.domains if domain.owner == "bmi"] == [3]


def test_an_artifact_brings_it_back() -> None:
    made = learned(weights(), WEIGHTS).codec
    again = Plan(WEIGHTS, Format()).restore(made.to_json())
    assert isinstance(again, Codec)
    assert again.to_json() == made.to_json()


def test_a_declaration_that_the_data_contradict_is_refused_with_the_share() -> None:
    table = weights()
    table["bmi"] = [text if i % 25 else "99.9" for i, text in enumerate(table["bmi"])]
    with pytest.raises(InputError, match=r"column bmi: declared computed, but only 9\d\.\d+% of the values"):
        learned(table, WEIGHTS)


def test_chains_come_back_in_their_order() -> None:
    rng = np.random.default_rng(3)
    a = rng.integers(1, 90, 400)
    declared = config(
        group={"kind": "category", "determined_by": "double"},
        sum={"kind": "integer", "computed": "double + a"},
        double={"kind": "integer", "computed": "2 * a"},
        a={"kind": "integer"},
    )
    table = {
        "group": ["low" if x < 45 else "high" for x in a],
        "sum": (3 * a).astype(str).tolist(),
        "double": (2 * a).astype(str).tolist(),
        "a": a.astype(str).tolist(),
    }
    found = sample(learned(table, declared), 500)
    for group, total, double, one in zip(*found.values(), strict=True):
        assert (int(double), int(total)) == (2 * int(one), 3 * int(one))
        assert group in ("", "low" if int(one) < 45 else "high")


def test_dates_and_marks_are_written_as_the_file_has_them() -> None:
    rng = np.random.default_rng(4)
    start = np.datetime64("2020-01-01") + rng.integers(0, 300, 400)
    days = rng.integers(0, 50, 400)

    def written(day: np.datetime64) -> str:
        return day.item().strftime("%d.%m.%Y")

    declared = config(
        start={"kind": "date", "format": "%d.%m.%Y"},
        days={"kind": "integer"},
        end={"kind": "date", "format": "%d.%m.%Y", "computed": "start + days"},
    )
    table = {
        "start": list(map(written, start)),
        "days": days.astype(str).tolist(),
        "end": list(map(written, start + days)),
    }
    for begun, length, ended in zip(*sample(learned(table, declared), 300).values(), strict=True):
        day = np.datetime64("-".join(reversed(begun.split("."))))
        assert ended == written(day + int(length))


def test_rules_see_what_is_computed() -> None:
    declared = TableConfig.model_validate(
        {**WEIGHTS.model_dump(exclude_unset=True), "constraints": ["bmi between 15 and 45"]}
    )
    table = weights()
    keep = [i for i, bmi in enumerate(table["bmi"]) if bmi in ("", "?") or 15 <= float(bmi) <= 45]
    found = sample(learned({name: [cells[i] for i in keep] for name, cells in table.items()}, declared), 3000)
    assert all(15 <= float(bmi) <= 45 for bmi in found["bmi"] if bmi not in ("", "?"))


def test_conditions_choose_among_the_rows_generated() -> None:
    made = learned(weights(), WEIGHTS)
    found = sample(made, 900, where=["bmi >= 30", "height < 180"])
    assert len(found["bmi"]) == 900
    assert all(
        float(bmi) >= 30 and int(height) < 180 for bmi, height in zip(found["bmi"], found["height"], strict=True)
    )
    assert {name: cells[:400] for name, cells in found.items()} == sample(
        made, 400, where=["bmi >= 30", "height < 180"]
    )
    assert set(sample(made, 50, where=["bmi=?"])["bmi"]) <= {"", "?"}


def test_conditions_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="column bmi: the value is not a number"):
        sample(learned(weights(), WEIGHTS), 10, where=["bmi >= fat"])


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"kind": "integer", "computed": "a +"}, "ends too early"),
        ({"kind": "integer", "computed": "zz + 1"}, "there is no column `zz`"),
        ({"kind": "integer", "computed": "day"}, "`day` is a date and the column holds a number"),
        ({"kind": "date", "computed": "a"}, "`a` is a number and the column holds a date"),
        ({"kind": "integer", "computed": "a > 1"}, "is no value to compute or compare with"),
        ({"kind": "integer", "computed": "sex"}, "`sex` is a text and the column holds a number"),
        ({"kind": "integer", "computed": "1 + 1"}, "speaks of no column"),
        ({"kind": "integer", "computed": "parent.a"}, "speaks of another table"),
        ({"kind": "number", "computed": "a / 2"}, "state `decimals`"),
        ({"kind": "integer", "computed": "x + 1"}, "`x` and `x` are computed from each other in a circle"),
        ({"kind": "integer", "computed": "y + 1"}, "`x` and `y` are computed from each other in a circle"),
        ({"kind": "integer", "computed": "a", "determined_by": "a"}, "has determined_by too"),
        ({"kind": "category", "computed": "a"}, "Extra inputs are not permitted"),
    ],
)
def test_declarations_that_make_no_sense_are_refused(column: dict[str, str], told: str) -> None:
    others = {
        "a": {"kind": "integer"},
        "y": {"kind": "integer", "computed": "x"},
        "day": {"kind": "date"},
        "sex": {"kind": "category"},
    }
    with pytest.raises(ValidationError) as caught:
        TableConfig.model_validate({"columns": {"x": column, **others}})
    assert any(told in each["msg"] or "unknown key" in each["msg"] for each in caught.value.errors())
