"""Numbers whose scale depends on another column: each unit as fine as a column of its own, and nothing of a few."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest

from synthgen.encoding.base import ColumnSummary
from synthgen.encoding.levels import LevelCounts
from synthgen.encoding.per_unit import PerUnitEncoder, PerUnitKind, with_units
from synthgen.schema.column import Number
from tests.encoding.build import COMMA, POINT, RARE_BELOW, summarise

KIND = PerUnitKind("value", Number(decimals=1, unit_of="code", atoms=("neg",)), POINT, ("", "?"))


def pairs(units: list[str], values: list[str]) -> list[str]:
    """Unit and value of each row, as the encoder takes them."""
    joined = with_units(pa.array(units).dictionary_encode(), pa.array(values).dictionary_encode())
    texts: list[str] = joined.cast(pa.string()).to_pylist()
    return texts


#: Sodium about 140, platelets about 250,000, some of them negative results, and one sample of lithium.
UNITS = ["NA"] * 40 + ["PLT"] * 40 + ["CRP"] * 20 + ["LI"] * 2
VALUES = [
    *(f"{135 + i % 10}.0" for i in range(40)),
    *(f"{200_000 + 2500 * i}.5" for i in range(40)),
    *(["neg", "", "3.5", "?"] * 5),
    *("0.7", "0.9"),
]
TEXTS = pairs(UNITS, VALUES)


def solved(texts: list[str], patients: list[int] | None = None) -> PerUnitEncoder:
    encoder = KIND.solve(summarise(KIND, texts, patients), RARE_BELOW)
    loaded = KIND.restore(encoder.to_json())
    assert loaded.to_json() == encoder.to_json()
    assert loaded.domains == encoder.domains
    return loaded


def decoded(encoder: PerUnitEncoder, codes: list[int], units: list[str], seed: int = 0) -> list[str]:
    column = encoder.decoded(
        np.array(codes, np.int32).reshape(-1, 1), pa.array(units).dictionary_encode(), np.random.default_rng(seed)
    )
    texts: list[str] = column.cast(pa.string()).to_pylist()
    return texts


def test_unit_and_value_are_put_together_row_by_row() -> None:
    assert pairs(["a", "b", "a"], ["1", "1", "2"]) == ["a\x001", "b\x001", "a\x002"]


def test_every_unit_that_enough_patients_have_has_bins_of_its_own() -> None:
    encoder = solved(TEXTS)
    assert sorted(encoder.units) == ["CRP", "NA", "PLT"]
    (domain,) = encoder.domains
    assert domain.unit == "code"
    assert domain.size == encoder.n_regular + 3
    assert sorted(encoder.special) == ["", "?", "neg"]


def test_a_unit_of_few_patients_is_named_nowhere() -> None:
    patients = [*range(100), 7, 7]
    encoder = solved(TEXTS, patients)
    assert "LI" not in str(encoder.to_json())
    assert "0.7" not in str(encoder.to_json())
    # The rows of one patient do not make a unit common.
    many = solved(pairs(["LI"] * 30 + UNITS[:40], ["0.7"] * 30 + VALUES[:40]), [7] * 30 + list(range(40)))
    assert list(many.units) == ["NA"]


def test_numbers_come_back_on_the_scale_of_their_unit() -> None:
    encoder = solved(TEXTS)
    codes = encoder.encode(TEXTS)[:, 0]
    back = decoded(encoder, codes[:100].tolist(), UNITS[:100])
    # Values of four patients each lie in bins, and come back within their bin.
    assert all(abs(float(a) - float(b)) <= 9 for a, b in zip(back[:40], VALUES[:40], strict=True))
    assert all(abs(float(a) - float(b)) <= 60_000 for a, b in zip(back[40:80], VALUES[40:80], strict=True))
    assert [text for text in back[80:100] if not text[:1].isdigit()] == ["neg", "", "?"] * 5


def test_codes_ascend_with_the_numbers_of_a_unit() -> None:
    encoder = solved(TEXTS)
    for unit in ("NA", "PLT"):
        own = sorted({float(v) for u, v in zip(UNITS, VALUES, strict=True) if u == unit})
        codes = encoder.encode(pairs([unit] * len(own), [str(value) for value in own]))[:, 0]
        assert (np.diff(codes) >= 0).all()


@pytest.mark.parametrize("unit", ["NA", "PLT", "CRP", "LI", "never seen"])
def test_no_code_gives_what_the_encoder_of_the_unit_could_not(unit: str) -> None:
    encoder = solved(TEXTS)
    own = encoder.units.get(unit, encoder.others)
    (domain,) = encoder.domains
    every = [code for code in range(domain.size) for _ in range(20)]
    low, high = own.quantiser.bounds()
    for text in decoded(encoder, every, [unit] * len(every)):
        if text in encoder.special:
            assert text in ((*own.results, *own.tokens.kept) if own.quantiser.size else [""])
        else:
            assert low.min() <= round(float(text) * 10) <= high.max()


def test_where_every_unit_is_its_own_the_rest_is_learned_from_all() -> None:
    encoder = solved(TEXTS[:80])
    low, high = encoder.others.quantiser.bounds()
    assert low.min() < 2000
    assert high.max() > 2_000_000


def test_nothing_but_missing_values_is_learned_as_missing() -> None:
    encoder = solved(pairs(["NA"] * 10, [""] * 10))
    assert decoded(encoder, [0, 0], ["NA", "CRP"]) == ["", ""]
    assert encoder.domains[0].missing == (0,)


def as_sets(counts: LevelCounts) -> list[tuple[str, int, tuple[int, ...]]]:
    return sorted(
        (str(key), int(n), tuple(sorted(seen.tolist())))
        for key, n, seen in zip(counts.keys, counts.counts, counts.witnesses, strict=True)
    )


def test_summaries_of_parts_add_up_to_that_of_the_whole_in_any_grouping() -> None:
    patients = [i // 2 for i in range(len(TEXTS))]
    cuts = [slice(0, 30), slice(30, 85), slice(85, None)]
    parts = [summarise(KIND, TEXTS[cut], patients[cut]) for cut in cuts]
    whole = summarise(KIND, TEXTS, patients)
    encoder = KIND.solve(whole, RARE_BELOW)

    def same(found: ColumnSummary) -> None:
        for mine, theirs in zip((found.labels, *found.parts), (whole.labels, *whole.parts), strict=True):
            assert as_sets(mine) == as_sets(theirs)
        assert KIND.solve(found, RARE_BELOW).to_json() == encoder.to_json()

    for one, two, three in permutations(parts):
        same(one.merge(two).merge(three))
        same(one.merge(two.merge(three)))


def test_numbers_are_read_and_written_with_the_marks_of_the_file() -> None:
    comma = PerUnitKind("value", Number(decimals=1, unit_of="code"), COMMA, ("",))
    texts = pairs(["NA"] * 20, [f"1.{100 + i % 2},5" for i in range(20)])
    encoder = comma.solve(summarise(comma, texts), RARE_BELOW)
    assert isinstance(encoder, PerUnitEncoder)
    assert set(decoded(encoder, encoder.encode(texts)[:, 0].tolist(), ["NA"] * 20)) == {"1.100,5", "1.101,5"}


def test_a_question_has_its_answers_and_a_measurement_its_numbers() -> None:
    mixed = PerUnitKind("value", Number(decimals=1, unit_of="code", words=True), POINT, ("",))
    units = ["NA"] * 40 + ["smokes"] * 40 + ["address"] * 40
    values = [f"{135 + i % 10}.0" for i in range(40)] + ["yes", "no"] * 20 + [f"{i} Elm Street" for i in range(40)]
    encoder = mixed.solve(summarise(mixed, pairs(units, values)), RARE_BELOW)
    assert isinstance(encoder, PerUnitEncoder)
    assert encoder.special == ("no", "yes")
    assert "Elm" not in str(encoder.to_json())
    codes = encoder.encode(pairs(units, values))[:, 0]
    assert decoded(encoder, codes[40:80].tolist(), units[40:80]) == values[40:80]
    assert (codes[80:] == -1).all()
    # Whatever code is drawn, the unit has the last word: numbers, its own answers, or nothing that may be told.
    every = list(range(encoder.domains[0].size)) * 5
    assert all(135 <= float(text) <= 144 for text in decoded(encoder, every, ["NA"] * len(every)))
    assert set(decoded(encoder, every, ["smokes"] * len(every))) == {"no", "yes"}
    assert set(decoded(encoder, every, ["address"] * len(every))) == {""}


def test_each_unit_is_written_with_the_decimals_that_it_has() -> None:
    """Platelets are whole numbers, potassium has one decimal and creatinine two, whatever the column has."""
    kind = PerUnitKind("value", Number(decimals=2, unit_of="code"), POINT, ("",))
    units = ["PLT"] * 200 + ["K"] * 200 + ["KREA"] * 200
    values = [str(150 + i) for i in range(200)] + [f"{3 + i / 100:.1f}" for i in range(200)]
    texts = pairs(units, [*values, *(f"{0.5 + i / 100:.2f}" for i in range(200))])
    encoder = kind.restore(kind.solve(summarise(kind, texts), RARE_BELOW).to_json())
    back = decoded(encoder, encoder.encode(texts)[:, 0].tolist(), units)
    found = {
        unit: {len(text.partition(".")[2]) for u, text in zip(units, back, strict=True) if u == unit} for unit in units
    }
    assert found == {"PLT": {0}, "K": {1}, "KREA": {2}}
    assert all(abs(float(text) - 3 - i / 100) < 0.3 for i, text in enumerate(back[200:400]))
