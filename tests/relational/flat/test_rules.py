"""Generated rows break a rule no more often than real ones, and are otherwise what the model says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from synthgen.errors import InputError
from synthgen.relational.flat import table as flat
from synthgen.relational.flat.table import FlatSynthesizer
from synthgen.schema.table import TableConfig
from tests.relational.world import config, learned, sample

Rows = Mapping[str, Sequence[str]]


def ruled(declared: TableConfig, *rules: str) -> TableConfig:
    return TableConfig.model_validate({**declared.model_dump(exclude_unset=True), "constraints": rules})


def dates(seed: int, n: int, low: int, high: int) -> list[np.datetime64]:
    rng = np.random.default_rng(seed)
    return list(np.datetime64("2015-01-01") + rng.integers(low, high, n))


STAYS = config(start={"kind": "date"}, end={"kind": "date"}, ward="category")


def stays(n: int = 1200, broken: float = 0.0) -> dict[str, list[str]]:
    """Stays of up to 200 days within two years; a share ends before it starts."""
    rng = np.random.default_rng(5)
    start = np.datetime64("2015-01-01") + rng.integers(0, 700, n)
    end = start + np.where(rng.random(n) < broken, -1, 1) * rng.integers(1, 200, n)
    return {
        "start": [str(day) for day in start],
        "end": [str(day) for day in end],
        "ward": rng.choice(["A", "B"], n).tolist(),
    }


def broken(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([b < a for a, b in zip(rows["start"], rows["end"], strict=True)])


class TestRates:
    def test_what_no_real_row_breaks_no_synthetic_row_does(self) -> None:
        plain = sample(learned(stays(), STAYS), 3000)
        assert broken(plain).mean() > 0.3  # a model that knows nothing between columns
        assert not broken(sample(learned(stays(), ruled(STAYS, "end >= start")), 3000)).any()

    def test_a_rate_above_the_real_one_is_cut_to_it_in_every_beginning(self) -> None:
        real = stays(broken=0.1)
        made = learned(real, ruled(STAYS, "end >= start"))
        (rate,) = made.rates
        assert rate is not None
        assert broken(real).mean() == pytest.approx(rate, abs=1e-4)
        found = broken(sample(made, 3000))
        assert (np.cumsum(found) <= rate * np.arange(1, 3001) + 1e-9).all()
        assert found.mean() == pytest.approx(rate, abs=0.01)

    def test_a_rate_that_the_model_has_right_stays(self) -> None:
        wards = {"ward": ["A"] * 300 + ["B"] * 700}
        made = learned(wards, ruled(config(ward="category"), "ward == 'B'"))
        assert Counter(sample(made, 3000)["ward"])["A"] == pytest.approx(900, abs=90)

    def test_a_rare_violation_of_few_patients_is_not_generated(self) -> None:
        wards = {"ward": ["A"] * 9 + ["B"] * 700}
        assert Counter(sample(learned(wards, config(ward="category")), 8000)["ward"])["A"] > 0
        made = learned(wards, ruled(config(ward="category"), "ward == 'B'"))
        assert made.rates == (None,)
        assert set(sample(made, 3000)["ward"]) == {"B"}


class TestDistribution:
    def test_rows_that_obey_keep_the_margins_of_the_model(self) -> None:
        """Dice of which no real row has a second above the first, all six pairs alike.

        By hand: what obeys, has their margins and no other tie between the dice is six pairs alike.
        """
        rng = np.random.default_rng(0)
        pairs = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if b <= a]
        real = [pairs[i] for i in rng.permutation(1200) % len(pairs)]
        table = {"a": [str(a) for a, _ in real], "b": [str(b) for _, b in real]}
        declared = config(a={"kind": "integer"}, b={"kind": "integer"})
        found = sample(learned(table, ruled(declared, "b <= a")), 12_000)
        counts = Counter(zip(found["a"], found["b"], strict=True))
        assert set(counts) == {(str(a), str(b)) for a, b in pairs}
        for number in counts.values():
            assert number / 12_000 == pytest.approx(1 / 6, abs=0.03)

    def test_rows_follow_the_model_under_the_condition_that_they_obey(self) -> None:
        """A rule on a die that a coin has no part in: it stays fair, and faces that obey keep their proportions."""
        rng = np.random.default_rng(0)
        faces = rng.choice(["1", "2", "3", "4"], 2000, p=[0.1, 0.2, 0.3, 0.4])
        table = {"face": faces.tolist(), "coin": rng.choice(["head", "tail"], 2000).tolist()}
        made = learned(table, ruled(config(face={"kind": "integer"}, coin="category"), "face != 4"))
        assert made.rates[0] == pytest.approx(0.4, abs=0.03)
        found = sample(replace(made, rates=(None,)), 6000)
        counts = Counter(found["face"])
        assert set(counts) == {"1", "2", "3"}
        assert counts["3"] / counts["1"] == pytest.approx(3, rel=0.15)
        assert Counter(found["coin"])["head"] / 6000 == pytest.approx(0.5, abs=0.03)

    def test_a_value_is_judged_in_the_unit_of_its_row(self) -> None:
        rng = np.random.default_rng(0)
        unit = rng.choice(["g/l", "mg/l"], 1000)
        value = np.where(unit == "g/l", rng.integers(1, 90, 1000), rng.integers(1000, 90_000, 1000))
        table = {"unit": unit.tolist(), "value": value.astype(str).tolist()}
        declared = config(unit="category", value={"kind": "integer", "unit_of": "unit"})
        rule = "unit == 'g/l' implies value < 50"
        made = learned(table, ruled(declared, rule))
        found = sample(replace(made, rates=(None,)), 2000)
        rows = [(of, int(number)) for of, number in zip(found["unit"], found["value"], strict=True)]
        assert all(number < 50 for of, number in rows if of == "g/l")
        assert np.median([number for of, number in rows if of == "mg/l"]) > 10_000

    def test_a_finding_that_makes_two_columns_equal_is_as_common_as_it_was(self) -> None:
        rng = np.random.default_rng(0)
        flag = rng.choice(["yes", "no"], 1000)
        a, other = rng.integers(0, 50, 1000), rng.integers(0, 50, 1000)
        table = {"flag": flag.tolist(), "a": [*map(str, a)], "b": [*map(str, np.where(flag == "yes", a, other))]}
        declared = config(flag="category", a={"kind": "integer"}, b={"kind": "integer"})
        found = sample(learned(table, ruled(declared, "flag == 'yes' implies a == b")), 4000)
        rows = list(zip(found["flag"], found["a"], found["b"], strict=True))
        assert all(a == b for is_, a, b in rows if is_ == "yes")
        assert Counter(found["flag"])["yes"] / 4000 == pytest.approx(np.mean(flag == "yes"), abs=0.03)

    def test_bounds_cut_bins_and_leave_how_often_they_occur(self) -> None:
        rng = np.random.default_rng(3)
        real = {"lab": [f"{value:.3f}" for value in 7.013 + rng.exponential(20, 2000)]}
        declared = config(lab={"kind": "number", "decimals": 3})
        free, bound = (learned(real, each) for each in (declared, ruled(declared, "lab >= 7.013")))
        values = [np.array(sample(made, 4000)["lab"], float) for made in (free, bound)]
        assert values[0].min() < 7.013 <= values[1].min()
        assert np.mean(values[0] > 20) == pytest.approx(np.mean(values[1] > 20), abs=0.03)

    def test_missing_stays_as_common_as_it_is(self) -> None:
        real = stays()
        real["end"] = [end if i % 4 else "" for i, end in enumerate(real["end"])]
        found = sample(learned(real, ruled(STAYS, "end >= start")), 4000)
        assert not (broken(found) & np.array([end != "" for end in found["end"]])).any()
        # A quarter is missing; among rows that obey it is more, since a row without an end cannot break the rule.
        assert 0.25 <= np.mean([end == "" for end in found["end"]]) < 0.45


PEOPLE = config(
    "who",
    who="id",
    born={"kind": "date"},
    died={"kind": "date"},
    seen={"kind": "date"},
    left={"kind": "date"},
    ward="category",
)


def people(patients: int = 400) -> dict[str, list[str]]:
    """Patients live for 20 to 60 years and are seen one to four times while they do; a third of stays is open once."""
    rng = np.random.default_rng(8)
    rows = []
    for who in range(patients):
        born = np.datetime64("1900-01-01") + rng.integers(0, 15_000)
        died = born + rng.integers(7_000, 22_000)
        open_at = int(rng.integers(0, 12))
        wards = rng.permutation(["A", "B", "C", "D", "E"])
        for visit in range(int(rng.integers(1, 5))):
            seen = born + rng.integers(0, (died - born).astype(int))
            left = "" if visit == open_at else str(seen + rng.integers(1, 30))
            rows.append((f"P{who:05}", str(born), str(died), str(seen), left, str(wards[visit])))
    return {name: [row[i] for row in rows] for i, name in enumerate(PEOPLE.columns)}


RULES = (
    "died >= born",
    "seen between born and died",
    "left >= seen",
    "unique(who, ward)",
    "at most one open(seen, left)",
)


@pytest.fixture(scope="module")
def persons() -> FlatSynthesizer:
    return learned(people(), ruled(PEOPLE, *RULES), model="copula")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "BLOCK", 500)


@pytest.mark.usefixtures("small_blocks")
class TestPatients:
    def test_rules_on_patients_rows_and_between_rows_hold_together(self, persons: FlatSynthesizer) -> None:
        found = sample(persons, 2000)
        assert persons.rates == (None,) * 5
        rows = list(zip(*(found[name] for name in PEOPLE.columns), strict=True))
        for _, born, died, seen, left, _ in rows:
            assert born <= died
            assert born <= seen <= died
            assert left == "" or seen <= left
        assert len({(row[0], row[5]) for row in rows if row[5]}) == sum(row[5] != "" for row in rows)
        assert max(Counter(row[0] for row in rows if row[4] == "").values()) == 1

    def test_what_belongs_to_a_patient_stays_the_same_in_all_rows(self, persons: FlatSynthesizer) -> None:
        found = sample(persons, 2000)
        assert set(persons.constant_columns) == {"born", "died"}
        of = zip(found["who"], found["born"], found["died"], strict=True)
        assert len(set(of)) == len(set(found["who"]))

    def test_numbers_of_rows_stay_as_they_were(self, persons: FlatSynthesizer) -> None:
        free = learned(people(), PEOPLE, model="copula")
        sizes = [Counter(Counter(sample(made, 4000)["who"]).values()) for made in (free, persons)]
        for number in (1, 2, 3, 4):
            assert sizes[0][number] == pytest.approx(sizes[1][number], abs=20)  # the last patient is cut

    def test_conditions_hold_too(self, persons: FlatSynthesizer) -> None:
        found = sample(persons, 400, where=["ward = A"])
        assert set(found["ward"]) == {"A"}
        assert all(a <= b for a, b in zip(found["seen"], found["died"], strict=True))

    def test_the_first_rows_are_the_first_of_more(self, persons: FlatSynthesizer) -> None:
        few, many = (sample(persons, n) for n in (1500, 3000))
        assert few == {name: cells[:1500] for name, cells in many.items()}


class TestAcrossBlocks:
    TABLE: Mapping[str, list[str]] = {
        "ward": [str(i // 40) for i in range(1600)],
        "bed": [str(i % 40) for i in range(1600)],
    }
    DECLARED = config(ward={"kind": "integer"}, bed={"kind": "integer"})

    def test_rows_differ_from_those_of_earlier_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flat, "BLOCK", 100)
        made = learned(self.TABLE, ruled(self.DECLARED, "unique(ward, bed)"))
        found = sample(made, 800)
        assert len(set(zip(found["ward"], found["bed"], strict=True))) == 800
        assert {name: cells[:350] for name, cells in found.items()} == sample(made, 350)

    def test_output_does_not_depend_on_workers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flat, "BLOCK", 100)
        made = learned(self.TABLE, ruled(self.DECLARED, "unique(ward, bed)", "ward <= bed + 20"))
        two = sample(made, 450)
        monkeypatch.setattr(flat, "_WORKERS", 1)
        assert sample(made, 450) == two

    def test_where_nothing_else_is_left_sampling_stops_and_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flat, "BLOCK", 200)
        pairs = {"ward": ["A", "B"] * 200, "bed": ["1", "1", "2", "2"] * 100}
        made = learned(pairs, ruled(config(ward="category", bed="category"), "unique(ward, bed)"))
        strict = replace(made, rates=(None,))
        assert len(set(zip(*sample(strict, 4).values(), strict=True))) == 4
        with pytest.raises(InputError, match="the table: none of 200 obeys the rules"):
            sample(strict, 5)

    def test_a_row_that_finds_no_room_beside_those_of_its_patient_is_left_out(self) -> None:
        rows = [(f"P{who:03}", ward) for who in range(300) for ward in ("A", "B", "A")[: 1 + who % 3]]
        table = {"who": [who for who, _ in rows], "ward": [ward for _, ward in rows]}
        made = learned(table, ruled(config("who", who="id", ward="category"), "unique(who, ward)"))
        found = sample(replace(made, rates=(None,)), 600)
        assert len(found["who"]) == 600
        assert len(set(zip(found["who"], found["ward"], strict=True))) == 600
        assert set(Counter(found["who"]).values()) == {1, 2}

    def test_an_identifier_that_is_made_up_anew_is_unique_by_construction(self) -> None:
        declared = config(nr="id", ward="category")
        made = learned(
            {"nr": [f"{i:06}" for i in range(300)], "ward": ["A", "B", "C"] * 100}, ruled(declared, "unique(nr)")
        )
        assert made.ruled is not None
        assert made.ruled.rows.between_rows == ()
        assert len(set(sample(made, 900)["nr"])) == 900


class TestRepair:
    def test_an_equation_that_no_draw_meets_is_met_by_setting_one_side(self) -> None:
        rng = np.random.default_rng(1)
        a, b = rng.integers(1000, 99_999, (2, 900))
        table = {"a": a.astype(str).tolist(), "b": b.astype(str).tolist(), "total": (a + b).astype(str).tolist()}
        declared = config(a={"kind": "integer"}, b={"kind": "integer"}, total={"kind": "integer"})
        found = sample(learned(table, ruled(declared, "total == a + b")), 300)
        assert all(int(a) + int(b) == int(t) for a, b, t in zip(*found.values(), strict=True))

    def test_what_cannot_be_met_is_left_missing_where_that_occurs(self) -> None:
        real = {"a": ["1", "1", "1", ""] * 100, "b": ["1"] * 400}
        declared = config(a={"kind": "integer"}, b={"kind": "integer"})
        made = learned(real, ruled(declared, "a * b == 2"))
        assert made.rates[0] == pytest.approx(0.75, abs=0.03)
        found = sample(made, 1000)
        assert Counter(found["a"])["1"] <= 750
        assert set(found["a"]) == {"1", ""}
