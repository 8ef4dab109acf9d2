"""Held-out patients are found again from a key, and nothing but the key is kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from synthgen.errors import InputError
from synthgen.tables.dataset import Dataset
from synthgen.tables.memory import MemoryTable
from synthgen.tables.split import Split


def table(who: list[str]) -> MemoryTable:
    return MemoryTable.from_arrow(pa.table({"who": who, "x": ["1"] * len(who)}), "t")


def held_out(split: Split, data: MemoryTable) -> np.ndarray:
    return np.concatenate([held for _, _, held in split.blocks(data)])


def test_all_rows_of_a_patient_are_on_one_side() -> None:
    who = [f"p{i % 500}" for i in range(3000)]
    data = table(who)
    held = held_out(Split.draw(data, share=0.2, patient="who", seed=1), data)
    sides = {(name, bool(side)) for name, side in zip(who, held, strict=True)}
    assert len(sides) == 500
    assert np.mean([side for _, side in sides]) == pytest.approx(0.2, abs=0.06)


def test_spaces_around_an_id_make_no_other_patient() -> None:
    data = table([f"p{i // 2}{' ' * (i % 2)}" for i in range(800)])
    split = Split.draw(data, share=0.2, patient="who", seed=1)
    (hashes,) = [hashes for _, hashes, _ in split.blocks(data)]
    assert np.array_equal(hashes[::2], hashes[1::2])
    assert len(np.unique(hashes)) == 400
    assert np.array_equal(split.of_patients(pa.array([" p7 ", "p7"])), hashes[[14, 15]])


def test_without_patients_and_without_ids_each_row_is_its_own() -> None:
    data = table([""] * 4000)
    by_row = held_out(Split.draw(data, share=0.2, patient=None, seed=1), data)
    assert by_row.mean() == pytest.approx(0.2, abs=0.03)
    anonymous = held_out(Split.draw(data, share=0.2, patient="who", seed=1), data)
    assert np.array_equal(by_row, anonymous)


def test_rows_whose_id_is_a_missing_token_are_each_their_own() -> None:
    data = table(["?", " ? ", "", "p1", "p1"] * 100)
    told = Split.draw(data, share=0.2, patient="who", missing=("", "?"), seed=1)
    (hashes,) = [hashes for _, hashes, _ in told.blocks(data)]
    assert len(np.unique(hashes)) == 301
    (hashes,) = [hashes for _, hashes, _ in Split.draw(data, share=0.2, patient="who", seed=1).blocks(data)]
    assert len(np.unique(hashes)) == 102


def test_the_sides_of_rows_do_not_depend_on_how_the_table_is_cut() -> None:
    data = table([""] * 1000)
    split = Split.draw(data, share=0.5, patient=None, seed=1)
    whole = np.concatenate([hashes for _, hashes, _ in split.blocks(data)])
    cut = [split._hashes(block.slice(first, 7), first) for block in data for first in range(0, 994, 7)]
    assert np.array_equal(np.concatenate(cut), whole[: 7 * len(cut)])


@pytest.mark.parametrize("share", [0.0, 1e-30])
def test_nothing_is_held_out_where_nothing_is_asked(share: float) -> None:
    data = table([f"p{i}" for i in range(500)])
    assert not held_out(Split.draw(data, share=share, patient="who", seed=1), data).any()


def test_the_same_seed_holds_out_the_same_and_another_others() -> None:
    data = table([f"p{i}" for i in range(500)])
    one, same, other = (Split.draw(data, share=0.3, patient="who", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(held_out(one, data), held_out(same, data))
    assert not np.array_equal(held_out(one, data), held_out(other, data))


def test_saved_it_comes_back_holds_no_patient_and_is_for_its_owner_only(tmp_path: Path) -> None:
    data = table([f"patient-{i}" for i in range(50)])
    split = Split.draw(data, share=0.3, patient="who", missing=("", "?"), seed=1)
    split.save(tmp_path / "m.split")
    assert Split.load(tmp_path / "m.split") == split
    assert stat.S_IMODE((tmp_path / "m.split").stat().st_mode) == 0o600
    assert "patient-" not in (tmp_path / "m.split").read_text()


def test_another_input_is_refused() -> None:
    split = Split.draw(table(["a", "b"]), share=0.3, patient="who", seed=1)
    split.require_same_input(table(["a", "b"]))
    with pytest.raises(InputError, match="not the data the model was fitted on"):
        split.require_same_input(table(["a", "c"]))


def test_all_tables_are_part_of_the_input() -> None:
    one, other = table(["a", "b"]), table(["c"])
    split = Split.draw(Dataset({"t": one, "u": other}), share=0.3, patient=None, seed=1)
    split.require_same_input(Dataset({"u": other, "t": one}))  # in any order
    for tables in ({"t": one, "u": one}, {"t": other, "u": one}, {"t": one, "v": other}, {"t": one}):
        with pytest.raises(InputError, match="<Arrow table>: this is not the data"):
            split.require_same_input(Dataset(tables))


def test_a_patient_has_one_hash_in_a_single_table_and_in_several() -> None:
    data = table([f"p{i}" for i in range(50)])
    split = Split.draw(data, share=0.3, patient="who", seed=1)
    single = np.concatenate([hashes for _, hashes, _ in split.blocks(data)])
    assert np.array_equal(split.of_patients(pa.array([f"p{i}" for i in range(50)])), single)
    assert len(np.unique(split.of_patients(pa.array(["", " ", ""])))) == 3
    assert len(np.intersect1d(split.of_rows("labs", 100), split.of_rows("visits", 100))) == 0
    assert np.array_equal(split.of_rows("labs", 100)[:10], split.of_rows("labs", 10))


@pytest.mark.parametrize(
    "change",
    [
        {"key": "zz"},
        {"key": ""},
        {"share": "x"},
        {"share": 7},
        {"patient": 3},
        {"missing": "?"},
        {"format_version": "x"},
        {"input_mac": 1},
    ],
)
def test_a_damaged_split_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    Split.draw(table(["a", "b"]), share=0.3, patient="who", seed=1).save(tmp_path / "s")
    document = json.loads((tmp_path / "s").read_text())
    (tmp_path / "s").write_text(json.dumps(document | change))
    with pytest.raises(InputError, match="not a readable split file"):
        Split.load(tmp_path / "s")


@pytest.mark.parametrize(("version", "mend"), [(1, "older synthgen.*fit the model again"), (9, "newer.*upgrade")])
def test_a_split_of_another_version_is_refused(tmp_path: Path, version: int, mend: str) -> None:
    Split.draw(table(["a", "b"]), share=0.3, patient="who", seed=1).save(tmp_path / "s")
    document = json.loads((tmp_path / "s").read_text())
    (tmp_path / "s").write_text(json.dumps(document | {"format_version": version}))
    with pytest.raises(InputError, match=mend):
        Split.load(tmp_path / "s")


def test_a_missing_split_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--holdout"):
        Split.load(tmp_path / "none")
