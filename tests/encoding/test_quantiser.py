"""Keys on a line as codes: heaped keys exactly, the others in bins that hold enough patients and tell of no one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.encoding.quantiser import HIGHEST, LOWEST, Quantiser, Range, solve
from tests.encoding.build import RARE_BELOW, count

WEEK, MONDAY = 7, 4


def spread(n: int, *, below: int = 100_000, seed: int = 1) -> list[int]:
    """Keys of which hardly two are equal."""
    return sorted(np.random.default_rng(seed).integers(0, below, n).tolist())


def solved(keys: list[int], patients: list[int] | None = None, **bounds: int | bool) -> Quantiser:
    owners = list(range(len(keys))) if patients is None else patients
    return solve(count(keys, patients=owners), RARE_BELOW, **bounds)


def in_bins(quantiser: Quantiser, keys: list[int]) -> np.ndarray:
    """How many keys each bin holds, those in the tails beyond the outermost bins included."""
    codes = quantiser.encode(np.array(keys))
    return np.bincount(quantiser.pieces[codes], minlength=quantiser.size)[len(quantiser.atoms) :]


def test_common_keys_are_kept_exactly() -> None:
    quantiser = solved([0] * 50 + [1] * 30 + [2] * 7 + [40] * 3)
    assert quantiser.to_json() == {"atoms": [0, 1, 2], "starts": [], "ends": []}
    assert quantiser.encode(np.array([0, 1, 2, 40])).tolist() == [0, 1, 2, -1]


def test_heaped_keys_among_scattered_ones_are_atoms() -> None:
    quantiser = solved(spread(2000) + [50_000] * 200)
    assert quantiser.atoms.tolist() == [50_000]
    code = quantiser.encode(np.array([50_000]))
    assert quantiser.decode(np.repeat(code, 100), np.random.default_rng(0)).tolist() == [50_000] * 100
    drawn = quantiser.decode(np.repeat(np.arange(quantiser.size), 2000), np.random.default_rng(0))
    assert np.count_nonzero(drawn == 50_000) == 2000


def test_keys_that_chance_alone_made_common_are_no_atoms() -> None:
    """A thousand patients over four hundred keys: some keys have five by chance, and would tell who was there."""
    rng = np.random.default_rng(3)
    keys = rng.binomial(400, 0.5, 600).tolist() + rng.integers(0, 400, 600).tolist()
    times = np.bincount(keys, minlength=400)
    quantiser = solved([*range(400), *keys])
    assert (times[:150] + 1 >= RARE_BELOW).sum() > 10
    assert not [key for key in quantiser.atoms.tolist() if key < 150]
    heaped = solved([*range(400)] + keys + [40] * 12)
    assert [key for key in heaped.atoms.tolist() if key < 150] == [40]
    # Where the keys around are common, too, they are what the patients have.
    assert {198, 199, 200, 201, 202} <= set(quantiser.atoms.tolist())


def test_a_key_that_nearly_all_rows_hold_hides_no_others() -> None:
    """Nine pauses in ten are of no time; the rest are minutes up to an hour, hours, and a few that are longer."""
    minutes = [minute for minute in range(1, 61) for _ in range(50)]
    hours = [hour for hour in (120, 180, 240) for _ in range(40)]
    longer = [key for key in range(241, 441) for _ in range(6)]
    quantiser = solved([0] * 40_000 + minutes + hours + longer)
    assert {*range(61), 120, 180, 240} <= {*quantiser.atoms.tolist()}
    low, high = quantiser.bounds()
    assert (high - low).max() < 30


def test_rare_low_keys_and_rare_high_ones_are_told_apart() -> None:
    """Common keys from 110 to 139; twenty below and twenty above of which no two are equal."""
    common = [key for key in range(110, 140) for _ in range(12)]
    quantiser = solved([*range(85, 105), *common, *range(150, 170)])
    low, high = quantiser.encode(np.array([95, 160]))
    assert low == 0
    assert high == quantiser.size - 1
    back = quantiser.decode(np.repeat([low, high], 500), np.random.default_rng(0))
    assert back[:500].max() < 110
    assert back[500:].min() > 139


def test_too_few_at_an_end_share_its_code_with_the_keys_beside() -> None:
    """Eight are below 110: the least common keys above fill the code, so that nobody stands in it with few others."""
    common = [key for key in range(110, 140) for _ in range(10)]
    quantiser = solved([*range(95, 103), *common, *range(150, 170)])
    assert {110, 111}.isdisjoint(quantiser.atoms.tolist())
    assert {*range(112, 140)} == {*quantiser.atoms.tolist()}
    assert len({*quantiser.encode(np.array([96, 102, 110, 111])).tolist()}) == 1
    assert len({*quantiser.encode(np.array([96, 160])).tolist()}) == 2


def test_a_key_of_very_many_rows_is_never_given_up_for_the_few_beside_it() -> None:
    quantiser = solved([-3, -2, -1] + [0] * 500 + spread(400))
    assert quantiser.atoms.tolist() == [0]


def test_codes_are_in_the_order_of_the_line() -> None:
    quantiser = solved(spread(2000) + [50_000] * 200)
    keys = np.arange(0, 100_000, 37)
    keys = keys[keys != 50_000]
    bins = quantiser.encode(keys)
    assert (np.diff(bins) >= 0).all()
    assert (np.diff(quantiser.positions) > 0).all()


def test_every_bin_holds_enough_patients() -> None:
    assert in_bins(solved(spread(1000)), spread(1000)).min() >= RARE_BELOW


def test_rows_of_one_patient_do_not_fill_a_bin() -> None:
    # Between 40,000 and 60,000 there is one patient only, with 900 rows.
    keys = [key for key in spread(1000) if not 40_000 <= key < 60_000]
    lone = np.random.default_rng(3).integers(40_000, 60_000, 900).tolist()
    quantiser = solved(keys + lone, patients=[*range(len(keys)), *[-1] * 900])
    for start, end in zip(quantiser.starts, quantiser.ends, strict=True):
        others = [key for key in keys if start <= key <= end]
        assert len(others) + 1 >= RARE_BELOW


def test_too_few_patients_leave_nothing() -> None:
    assert solved([5, 6, 7, 8]).size == 0
    assert solved([5] * 80 + [6] * 80, patients=[1] * 80 + [2] * 80).size == 0


def test_six_patients_spread_wide_share_a_bin() -> None:
    """Five of them reach down to 2 and five up to 8, so the ends lie crosswise: it is the bin between."""
    quantiser = solved([0] * 500 + [1, 2, 2, 8, 8, 11])
    assert quantiser.to_json() == {"atoms": [0], "starts": [3], "ends": [7]}


def test_bounds_lie_on_a_coarse_grid() -> None:
    quantiser = solved(spread(5000, below=10**9))
    bounds = np.r_[quantiser.starts, quantiser.ends[-1] + 1]
    assert (bounds % 1_000_000 == 0).all()
    assert not set(bounds.tolist()) & set(spread(5000, below=10**9))


def test_how_extreme_an_extreme_key_is_does_not_matter() -> None:
    keys = spread(1000)
    plain = solved(keys).to_json()
    assert solved([-(10**15), *keys[1:-1], 10**15]).to_json() == plain
    planted = solved([*keys[:-4], 987_654_321, 987_654_322, 987_654_323, 987_654_324])
    assert planted.ends[-1] <= 100_000


def outer(quantiser: Quantiser) -> tuple[int, int]:
    return int(quantiser.starts[0]), int(quantiser.ends[-1])


def test_many_rows_of_one_extreme_patient_do_not_move_the_outer_bounds() -> None:
    keys = spread(1000)
    lone = [150_000 + i for i in range(40)]
    assert outer(solved(keys + lone, patients=[*range(1000), *[-1] * 40])) == outer(solved(keys))


def test_declared_bounds_are_kept() -> None:
    quantiser = solved(spread(300, below=50), lowest=0, highest=49)
    drawn = quantiser.decode(np.repeat(np.arange(quantiser.size), 500), np.random.default_rng(0))
    assert drawn.min() >= 0
    assert drawn.max() <= 49
    # Keys beyond what was declared have no bin of their own.
    quantiser = solved(spread(1000), lowest=60_000)
    assert quantiser.starts[0] == 60_000
    assert (np.diff(quantiser.starts) > 0).all()


def test_bins_of_weeks_begin_on_mondays() -> None:
    quantiser = solved(spread(3000, below=20_000), pitch=WEEK, phase=MONDAY)
    assert ((quantiser.starts - MONDAY) % WEEK == 0).all()
    assert ((quantiser.ends + 1 - MONDAY) % WEEK == 0).all()


@given(st.lists(st.integers(0, 20_000), min_size=10, max_size=400, unique=True))
def test_bins_of_weeks_that_stay_inside_reach_no_key_beyond_the_real_ones(keys: list[int]) -> None:
    quantiser = solved(keys, pitch=WEEK, phase=MONDAY, inward=True)
    assert ((quantiser.starts - MONDAY) % WEEK == 0).all()
    low, high = sorted(keys)[RARE_BELOW - 1], sorted(keys)[-RARE_BELOW]
    # In a range of a few days there is no whole week.
    if high - low > 2 * WEEK:
        assert low <= quantiser.starts[0]
        assert quantiser.ends[-1] <= high
        assert (quantiser.encode(np.array(keys)) >= 0).all()


def test_keys_beyond_2_to_the_53_stay_apart() -> None:
    first = 2**53
    quantiser = solved([first] * 6 + [first + 1] * 6 + [first + 2] * 6)
    keys = np.array([first, first + 1, first + 2])
    assert quantiser.decode(quantiser.encode(keys), np.random.default_rng(0)).tolist() == keys.tolist()
    keys = (2**60 + np.array(spread(1000))).tolist()
    quantiser = solved(keys)
    drawn = quantiser.decode(quantiser.encode(np.array(keys)), np.random.default_rng(0))
    assert np.abs(np.sort(drawn) - np.array(keys)).max() < 10_000


def drawn_under(quantiser: Quantiser, *conditions: list[Range]) -> set[int]:
    """Every key that is drawn under several conditions, one applied after the other."""
    codes = np.ones(quantiser.size, bool)
    for asked in conditions:
        codes &= quantiser.shares(asked) > 0
        quantiser = quantiser.within(asked)
    return set(quantiser.decode(np.repeat(np.flatnonzero(codes), 400), np.random.default_rng(0)).tolist())


def test_a_condition_narrows_the_bins_it_cuts() -> None:
    quantiser = Quantiser.of(np.array([12, 15]), np.array([10, 20]), np.array([18, 29]))
    for low, high in [(13, HIGHEST), (12, HIGHEST), (LOWEST, 15), (11, 16), (14, 14), (13, 13), (16, 25), (15, 15)]:
        expected = set(range(max(low, 10), min(high, 29) + 1)) - {19}
        assert drawn_under(quantiser, [(low, HIGHEST)], [(LOWEST, high)]) == expected
        assert drawn_under(quantiser, [(low, high)]) == expected


def test_the_share_of_a_bin_is_that_of_its_keys_that_are_no_atoms() -> None:
    quantiser = Quantiser.of(np.array([12, 15]), np.array([10, 20]), np.array([18, 29]))
    # In the order of the line: 12, the bin of 10, 11, 13, 14, 16, 17 and 18, 15, and the bin of 20 to 29.
    assert quantiser.shares([(12, 13), (16, 22)]).tolist() == [1, 4 / 7, 0, 0.3]
    left = quantiser.within([(12, 13), (16, 22)])
    assert left.shares([(17, 99)]).tolist() == [0, 0.5, 0, 1]  # of what was left
    assert quantiser.keys_of(1).tolist() == [10, 11, 13, 14, 16, 17, 18]
    assert left.keys_of(1).tolist() == [13, 16, 17, 18]
    assert left.keys_of(2).tolist() == [15]


def test_a_condition_on_single_keys() -> None:
    quantiser = Quantiser.of(np.array([12]), np.array([10, 20]), np.array([18, 29]))
    assert drawn_under(quantiser, [(12, 12), (14, 14), (22, 22), (99, 99)]) == {12, 14, 22}
    assert drawn_under(quantiser, [(19, 19)]) == set()
    assert drawn_under(quantiser, [(13, 13), (16, 16)], [(14, HIGHEST)]) == {16}


def test_several_keys_of_one_bin_are_drawn_equally_often() -> None:
    quantiser = Quantiser.of(np.array([12]), np.array([10, 20]), np.array([18, 29]))
    asked = quantiser.within([(11, 11), (13, 14), (25, 25)])
    assert [low.tolist() for low in asked.bounds()] == [[12, 11, 25], [12, 14, 25]]
    keys = asked.decode(np.repeat([1, 2], 6000), np.random.default_rng(0))
    assert set(keys[6000:].tolist()) == {25}
    counts = np.bincount(keys[:6000], minlength=15)[[11, 13, 14]]
    assert counts.sum() == 6000
    assert counts == pytest.approx(np.full(3, 2000), abs=150)


def test_a_condition_may_leave_out_single_keys() -> None:
    quantiser = Quantiser.of(np.array([12]), np.array([10, 20]), np.array([18, 20]))
    others = [(LOWEST, 11), (13, 13), (15, 19), (21, HIGHEST)]  # neither 12 nor 14 nor 20
    assert (quantiser.shares(others) > 0).tolist() == [False, True, False]
    assert drawn_under(quantiser, others) == {10, 11, 13, 15, 16, 17, 18}


@pytest.mark.parametrize(
    ("atoms", "starts", "ends"),
    [([], [5], [4]), ([], [0, 3], [4, 9]), ([3, 3], [], []), ([5], [5], [9]), ([9], [5], [9]), ([], [1, 2], [1])],
)
def test_impossible_bins_are_refused(atoms: list[int], starts: list[int], ends: list[int]) -> None:
    with pytest.raises(ValueError):
        Quantiser.from_json({"atoms": atoms, "starts": starts, "ends": ends})


columns = st.lists(
    st.one_of(st.integers(-20, 20), st.integers(-(10**6), 10**6), st.integers(-(2**61), 2**61)),
    min_size=1,
    max_size=200,
)


@given(columns, st.integers(1, 4), st.sampled_from([(1, 0), (WEEK, MONDAY)]))
def test_decoding_stays_inside_the_code(keys: list[int], repeats: int, grid: tuple[int, int]) -> None:
    quantiser = solved(keys * repeats, pitch=grid[0], phase=grid[1])
    assert Quantiser.from_json(json.loads(json.dumps(quantiser.to_json()))).to_json() == quantiser.to_json()
    codes = np.repeat(np.arange(quantiser.size), 5).astype(np.int32)
    drawn = quantiser.decode(codes, np.random.default_rng(0))
    assert quantiser.encode(drawn).tolist() == codes.tolist()
    lowest, highest = quantiser.bounds()
    assert ((drawn >= lowest[codes]) & (drawn <= highest[codes])).all()
    in_bin = quantiser.pieces[codes] >= len(quantiser.atoms)
    assert not np.isin(drawn[in_bin], quantiser.atoms).any()


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=300), st.lists(st.integers(0, 30), min_size=300))
def test_every_piece_has_enough_patients(keys: list[int], owners: list[int]) -> None:
    patients = owners[: len(keys)]
    quantiser = solved(keys, patients=patients)
    codes = quantiser.encode(np.array(keys))
    for code in range(quantiser.size):
        assert len({patients[i] for i in np.flatnonzero(codes == code)}) >= RARE_BELOW
