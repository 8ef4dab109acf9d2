"""A flat table with patients in it: learned from the training side only, generated patient by patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest

from synthgen.errors import InputError
from synthgen.plugins import load_model
from synthgen.relational.codec import Plan
from synthgen.relational.flat import learning as flat_learning
from synthgen.relational.flat import table as flat
from synthgen.relational.flat.learning import learn
from synthgen.relational.flat.table import FlatSynthesizer
from synthgen.schema.config import Format
from synthgen.tables.split import Split
from tests.relational.world import config, learned, sample, table

DECLARED = config(
    "who",
    who="id",
    sex="category",
    born={"kind": "date"},
    weight={"kind": "number", "decimals": 1},
    ward="category",
    floor={"kind": "category", "determined_by": "ward"},
    codes={"kind": "code", "separator": ", "},
    crp={"kind": "integer", "atoms": ["neg"]},
)


def clustered(patients: int = 400, seed: int = 0) -> dict[str, list[str]]:
    """Patients with 1, 2 or 5 rows; sex, birth date and weight belong to the patient. Men are on ward A mostly."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, ...]] = []
    for who in range(patients):
        sex = "FM"[int(rng.integers(2))]
        born = str(np.datetime64("1940-01-01") + rng.integers(0, 20_000))
        weight = f"{rng.normal(75, 12):.1f}"
        for _ in range(int(rng.choice([1, 2, 5], p=[0.5, 0.3, 0.2]))):
            ward = "A" if rng.random() < (0.9 if sex == "M" else 0.1) else "B"
            codes = str(rng.choice(["", "I10", "I10, E11", "E11"]))
            crp = "neg" if rng.random() < 0.2 else str(int(rng.integers(5, 200)))
            rows.append((f"P{who:05}", sex, born, weight, ward, {"A": "1", "B": "2"}[ward], codes, crp))
    names = ("who", "sex", "born", "weight", "ward", "floor", "codes", "crp")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


@pytest.fixture(scope="module")
def made() -> FlatSynthesizer:
    return learned(clustered(), DECLARED, model="copula")


def by_patient(rows: Mapping[str, Sequence[str]], column: str) -> dict[str, list[str]]:
    found = defaultdict(list)
    for who, cell in zip(rows["who"], rows[column], strict=True):
        found[who].append(cell)
    return found


class TestPatients:
    def test_rows_per_patient_are_distributed_as_in_the_training_data(self, made: FlatSynthesizer) -> None:
        numbers = Counter(len(cells) for cells in by_patient(sample(made, 6000), "sex").values())
        patients = sum(numbers.values())
        assert set(numbers) <= {1, 2, 5} | {max(numbers)}  # the last patient may be cut
        for number, share in ((1, 0.5), (2, 0.3), (5, 0.2)):
            assert numbers[number] / patients == pytest.approx(share, abs=0.08)

    def test_what_belongs_to_a_patient_is_the_same_in_all_rows(self, made: FlatSynthesizer) -> None:
        assert set(made.constant_columns) == {"sex", "born", "weight"}
        rows = sample(made, 3000)
        for column in ("sex", "born", "weight"):
            assert all(len(set(cells)) == 1 for cells in by_patient(rows, column).values())
        assert any(len(set(cells)) > 1 for cells in by_patient(rows, "ward").values())

    def test_rows_depend_on_whose_they_are(self, made: FlatSynthesizer) -> None:
        rows = sample(made, 4000)
        share = {s: np.mean([w == "A" for x, w in zip(rows["sex"], rows["ward"], strict=True) if x == s]) for s in "FM"}
        assert share["M"] > 0.75
        assert share["F"] < 0.25

    def test_ids_are_one_per_patient_and_none_is_real(self, made: FlatSynthesizer) -> None:
        ids = set(sample(made, 3000)["who"])
        assert all(len(text) == 6 and text.startswith("P") for text in ids)
        assert len(ids) > 1000

    def test_a_second_id_of_a_patient_is_one_per_patient_where_it_is_so_in_the_training_data(self) -> None:
        rows = clustered()
        cells = {
            "who": rows["who"],
            "insured": [f"V{who[1:]}" for who in rows["who"]],
            "stay": [f"S{i:06}" for i in range(len(rows["who"]))],
            "sex": rows["sex"],
        }
        made = learned(cells, config("who", who="id", insured="id", stay="id", sex="category"), model="copula")
        assert set(made.constant_columns) == {"insured", "sex"}
        drawn = sample(made, 3000)
        assert all(len(set(found)) == 1 for found in by_patient(drawn, "insured").values())
        assert len(set(drawn["insured"])) == len(set(drawn["who"]))
        assert len(set(drawn["stay"])) == 3000

    def test_a_determined_column_follows(self, made: FlatSynthesizer) -> None:
        rows = sample(made, 1000)
        assert set(zip(rows["ward"], rows["floor"], strict=True)) == {("A", "1"), ("B", "2")}

    def test_code_lists_come_as_lists(self, made: FlatSynthesizer) -> None:
        assert set(sample(made, 2000)["codes"]) >= {"", "I10", "I10, E11"}


class TestOrderOfOutput:
    def test_the_first_of_twice_as_many_are_the_same(self, made: FlatSynthesizer) -> None:
        few, many = sample(made, 700), sample(made, 1400)
        assert all(many[name][:700] == cells for name, cells in few.items())

    def test_across_blocks_too(self) -> None:
        made = learned({"a": ["x", "y"] * 50}, config(a="category"))
        assert sample(made, 2 * flat.BLOCK + 9)["a"][: flat.BLOCK + 5] == sample(made, flat.BLOCK + 5)["a"]

    def test_workers_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = learned({"a": [str(i) for i in range(900)]}, config(a={"kind": "number"}))
        with_two = sample(made, 3 * flat.BLOCK)
        monkeypatch.setattr(flat, "_WORKERS", 1)
        monkeypatch.setattr(flat, "_AHEAD", 1)
        assert sample(made, 3 * flat.BLOCK) == with_two

    def test_another_seed_gives_other_rows(self, made: FlatSynthesizer) -> None:
        assert sample(made, 100, seed=1) != sample(made, 100, seed=2)


class TestLearning:
    def test_the_order_of_rows_and_the_holdout_do_not_matter_to_what_is_learned(self) -> None:
        """Rows of held-out patients can say anything: the same is learned."""
        columns = clustered(200)
        data = table(columns)
        split = Split.draw(data, share=0.3, patient="who", seed=1)
        held = np.concatenate([held for _, _, held in split.blocks(data)])
        assert 0.15 < held.mean() < 0.45
        other = {name: list(cells) for name, cells in columns.items()}
        for i in np.flatnonzero(held):
            for name in ("sex", "born", "weight", "ward", "floor", "codes", "crp"):
                other[name][i] = {"born": "not a date", "crp": "many", "weight": "?"}.get(name, "Z99")
        plan = Plan(DECLARED, Format())
        pair = [learn(of, plan, split, load_model("copula"), rare_below=5, seed=1) for of in (data, table(other))]
        assert pair[0].codec.to_json() == pair[1].codec.to_json()
        for part in ("person", "rows"):
            values, arrays = getattr(pair[0], part).state()
            assert values == getattr(pair[1], part).state()[0]
            assert all(np.array_equal(x, arrays[n]) for n, x in getattr(pair[1], part).state()[1].items())

    def test_large_codes_are_kept_on_disk_and_learned_alike(self, monkeypatch: pytest.MonkeyPatch) -> None:
        in_memory = learned(clustered(100), DECLARED, model="copula")
        monkeypatch.setattr(flat_learning, "_MOST_IN_MEMORY", 1)
        on_disk = learned(clustered(100), DECLARED, model="copula")
        assert sample(in_memory, 200) == sample(on_disk, 200)

    def test_one_row_teaches_nothing(self) -> None:
        made = learned({"a": ["secret"], "b": ["17"], "c": ["2020-01-01"]}, config(a="category", b="integer", c="date"))
        assert sample(made, 3) == {"a": [""] * 3, "b": [""] * 3, "c": [""] * 3}

    def test_where_every_value_is_rare_nothing_is_learned_but_the_merged_level(self) -> None:
        made = learned({"a": [f"level {i}" for i in range(40)]}, config(a="category"))
        assert set(sample(made, 50)["a"]) == {"other"}

    def test_a_table_of_ids_only(self) -> None:
        made = learned({"a": [f"K{i:04}" for i in range(40)]}, config(a="id"))
        found = sample(made, 30)["a"]
        assert len(set(found)) == 30
        assert all(len(text) == 5 for text in found)

    def test_a_patient_with_thousands_of_rows_does_not_show(self) -> None:
        columns = {
            "who": ["whale"] * 3000 + [f"p{i}" for i in range(300)],
            "ward": ["secret ward"] * 3000 + ["A", "B"] * 150,
        }
        made = learned(columns, config("who", who="id", ward="category"))
        rows = sample(made, 2000)
        assert set(rows["ward"]) == {"A", "B"}
        assert max(Counter(rows["who"]).values()) < 100

    def test_no_row_is_left(self) -> None:
        with pytest.raises(InputError, match="no row is left"):
            learned({"who": ["p"] * 5, "a": ["x"] * 5}, config("who", who="id", a="category"), holdout=0.999999)


class TestBadValues:
    def columns(self, n: int, bad: int) -> dict[str, list[str]]:
        return {"who": [f"p{i}" for i in range(n)], "age": ["old" if i == bad else str(i % 90) for i in range(n)]}

    @pytest.mark.parametrize("holdout", [0.0, 0.5])
    def test_the_message_names_the_record(self, holdout: float) -> None:
        data = pa.table(self.columns(1000, -1))
        batches = data.to_batches(max_chunksize=100)
        split = Split.draw(_Blocks(batches), share=holdout, patient="who", seed=1)  # type: ignore[arg-type]
        held = np.concatenate([held for _, _, held in split.blocks(_Blocks(batches))])  # type: ignore[arg-type]
        bad = int(np.flatnonzero(~held)[-1])
        blocks = _Blocks(pa.table(self.columns(1000, bad)).to_batches(max_chunksize=100))
        plan = Plan(config("who", who="id", age="integer"), Format())
        with pytest.raises(InputError, match=rf"record {bad + 1}, column age: expected an integer") as caught:
            learn(blocks, plan, split, load_model("independent"), rare_below=5, seed=1)  # type: ignore[arg-type]
        assert "old" not in str(caught.value)

    def test_a_held_out_value_is_not_read(self) -> None:
        blocks = _Blocks(pa.table(self.columns(1000, -1)).to_batches(max_chunksize=100))
        split = Split.draw(blocks, share=0.5, patient="who", seed=1)  # type: ignore[arg-type]
        bad = int(np.flatnonzero(np.concatenate([h for _, _, h in split.blocks(blocks)]))[0])  # type: ignore[arg-type]
        plan = Plan(config("who", who="id", age="integer"), Format())
        mended = _Blocks(pa.table(self.columns(1000, bad)).to_batches(max_chunksize=100))
        learn(mended, plan, split, load_model("independent"), rare_below=5, seed=1)  # type: ignore[arg-type]


class _Blocks:
    """A table cut into many blocks, each with dictionaries of its own."""

    source = "x.csv"

    def __init__(self, batches: list[pa.RecordBatch]) -> None:
        self.blocks = [
            pa.RecordBatch.from_arrays([c.dictionary_encode() for c in b.columns], names=b.schema.names)
            for b in batches
        ]

    def __iter__(self) -> object:
        return iter(self.blocks)

    def digest(self) -> bytes:
        return b"0" * 32


class TestWhere:
    def test_on_a_patients_column_all_rows_of_all_patients_agree(self, made: FlatSynthesizer) -> None:
        rows = sample(made, 500, where=["sex=M"])
        assert set(rows["sex"]) == {"M"}
        assert np.mean([ward == "A" for ward in rows["ward"]]) > 0.75

    def test_on_a_column_of_rows_patients_are_weighed(self, made: FlatSynthesizer) -> None:
        rows = sample(made, 3000, where=["ward=A"])
        assert set(rows["ward"]) == {"A"}
        # Nine in ten rows of men are on ward A, one in ten of women's.
        assert np.mean([sex == "M" for sex in rows["sex"]]) > 0.75

    def test_on_numbers_and_dates_bins_are_cut(self, made: FlatSynthesizer) -> None:
        rows = sample(made, 500, where=["weight>=81.3", "born<1970-05-17", "crp>100"])
        assert min(map(float, rows["weight"])) >= 81.3
        assert max(rows["born"]) < "1970-05-17"
        assert min(map(int, rows["crp"])) > 100

    def test_on_a_text_result(self, made: FlatSynthesizer) -> None:
        assert set(sample(made, 100, where=["crp=neg"])["crp"]) == {"neg"}

    def test_on_a_determined_column(self, made: FlatSynthesizer) -> None:
        assert set(sample(made, 300, where=["floor=2"])["ward"]) == {"B"}
        assert set(sample(made, 300, where=["floor!=2"])["ward"]) == {"A"}

    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ("codes=I10", "several codes in a cell"),
            ("who=P00001", "regenerated"),
            ("sex=X", "column sex"),
            ("floor=9", "column floor"),
            ("floor>1", "determined by ward"),
            ("sex>F", "no order"),
            ("weight=heavy", "not a number"),
            ("weight>=900", "--where"),
            ("nothing=1", "nothing"),
        ],
    )
    def test_what_makes_no_sense_or_has_no_support_is_refused(
        self, made: FlatSynthesizer, where: str, message: str
    ) -> None:
        with pytest.raises(InputError) as caught:
            sample(made, 10, where=[where])
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


class TestLikelihood:
    def test_by_hand_without_patients(self) -> None:
        columns = {"sex": ["F"] * 30 + ["M"] * 70, "ward": ["A", "B"] * 50}
        made = learned(columns, config(sex="category", ward="category"))
        block = next(iter(table(columns)))
        found = made.log_prob(block, np.arange(100), np.array([0, 99]))
        assert made.likelihood
        assert found.tolist() == pytest.approx(np.log([0.3 * 0.5, 0.7 * 0.5]).tolist())

    def test_a_row_comes_with_what_belongs_to_its_patient(self) -> None:
        # Sex belongs to the patient, as does having two rows; the ward is drawn for each row.
        columns = {
            "who": [str(k // 2) for k in range(200)],
            "sex": ["FM"[k // 2 % 2] for k in range(200)],
            "ward": ["A", "A", "B", "A"] * 50,
        }
        made = learned(columns, config("who", who="id", sex="category", ward="category"))
        found = made.log_prob(next(iter(table(columns))), np.arange(200) // 2, np.array([1, 2]))
        assert made.constant_columns == ("sex",)
        assert found.tolist() == pytest.approx(np.log([0.5 * 0.75, 0.5 * 0.25]).tolist())
