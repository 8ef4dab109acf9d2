"""Which column says what a number measures: seen by how much of the ranks lies between its values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from synthgen.inference.units import find_questions, find_units
from synthgen.schema.config import Format
from tests.encoding.build import COMMA, POINT


def table(n: int, scales: dict[str, float], marks: Format = POINT, **more: list[str]) -> list[pa.RecordBatch]:
    """Values of ``n`` rows about the scale of each row's code, in two blocks, and a hospital that says nothing."""
    rng = np.random.default_rng(1)
    codes = rng.choice([*scales], n)
    values = [f"{scales[code] * float(rng.normal(1, 0.2)):.2f}".replace(".", marks.decimal) for code in codes.tolist()]
    columns = {
        "code": codes.tolist(),
        "value": values,
        "hospital": rng.choice(["A", "B"], n).tolist(),
        **more,
    }
    encoded = {name: pa.array(column, pa.string()).dictionary_encode() for name, column in columns.items()}
    batch = pa.RecordBatch.from_arrays([*encoded.values()], names=[*encoded])
    return [batch.slice(0, n // 3), batch.slice(n // 3)]


def found(blocks: list[pa.RecordBatch], marks: Format = POINT) -> dict[str, str]:
    return find_units(blocks, ["value"], ["code", "hospital"], marks)


def test_values_of_several_scales_have_a_unit() -> None:
    assert found(table(600, {"NA": 140, "CRP": 5, "PLT": 250_000})) == {"value": "code"}
    assert found(table(600, {"NA": 140, "CRP": 5, "PLT": 250_000}, COMMA), COMMA) == {"value": "code"}


def test_values_of_one_scale_have_none() -> None:
    assert found(table(600, {"NA": 140, "CL": 138})) == {}


def test_levels_of_one_number_have_no_scale_of_their_own() -> None:
    rng = np.random.default_rng(3)
    kinds = rng.choice(["ambulant", "ward", "emergency"], 900)
    days = np.where(kinds == "ambulant", 0, rng.integers(1, 20, 900))
    days[np.flatnonzero(kinds == "ambulant")[0]] = 1  # an error does not make it a scale
    columns = {"code": kinds.tolist(), "value": days.astype(str).tolist(), "hospital": ["A"] * 900}
    batch = pa.RecordBatch.from_pydict({name: pa.array(cells).dictionary_encode() for name, cells in columns.items()})
    assert found([batch]) == {}


def test_a_few_rows_say_nothing() -> None:
    assert found(table(150, {"NA": 140, "CRP": 5})) == {}
    assert find_units([], ["value"], ["code"], POINT) == {}
    assert find_units(table(600, {"NA": 140, "CRP": 5}), [], ["code"], POINT) == {}


def test_a_column_of_nearly_as_many_values_as_rows_is_no_unit() -> None:
    scales = {f"T{i}": float(10 ** (i % 6)) for i in range(300)}
    assert found(table(600, scales)) == {}


def test_of_two_columns_that_tell_as_much_the_one_of_fewer_values_is_chosen() -> None:
    blocks = table(900, {"NA": 140, "CRP": 5})
    finer = [
        batch.append_column(
            "finer",
            pa.array(
                [f"{code}{at % 3}" for at, code in enumerate(batch.column("code").to_pylist())]
            ).dictionary_encode(),
        )
        for batch in blocks
    ]
    assert find_units(finer, ["value"], ["finer", "code"], POINT) == {"value": "code"}


def test_missing_values_and_text_results_are_left_aside() -> None:
    blocks = table(900, {"NA": 140, "CRP": 5})
    with_texts = [
        batch.set_column(
            1,
            "value",
            pa.array(
                ["neg" if at % 4 == 0 else text for at, text in enumerate(batch.column("value").to_pylist())]
            ).dictionary_encode(),
        )
        for batch in blocks
    ]
    assert found(with_texts) == {"value": "code"}


def answered(blocks: list[pa.RecordBatch], words: dict[str, str]) -> list[pa.RecordBatch]:
    """The blocks with words in place of the numbers of some codes."""
    return [
        batch.set_column(
            1,
            "value",
            pa.array(
                [
                    words.get(code, text)
                    for code, text in zip(
                        batch.column("code").to_pylist(), batch.column("value").to_pylist(), strict=True
                    )
                ]
            ).dictionary_encode(),
        )
        for batch in blocks
    ]


def asked(blocks: list[pa.RecordBatch]) -> dict[str, str]:
    return find_questions(blocks, {"value": ("",)}, ["code", "hospital"], POINT)


def test_a_column_that_tells_answers_from_measurements_is_found() -> None:
    blocks = table(600, {"NA": 140, "CRP": 5, "smokes": 1})
    assert asked(answered(blocks, {"smokes": "yes"})) == {"value": "code"}


def test_numbers_alone_words_alone_and_missing_cells_ask_no_question() -> None:
    blocks = table(600, {"NA": 140, "CRP": 5, "smokes": 1})
    assert asked(blocks) == {}
    assert asked(answered(blocks, dict.fromkeys(("NA", "CRP", "smokes"), "yes"))) == {}
    assert asked(answered(blocks, {"smokes": ""})) == {}


def test_words_that_no_column_tells_from_numbers_ask_no_question() -> None:
    rng = np.random.default_rng(2)
    blocks = [
        batch.set_column(
            1,
            "value",
            pa.array(
                ["clotted" if rng.random() < 0.2 else text for text in batch.column("value").to_pylist()]
            ).dictionary_encode(),
        )
        for batch in table(900, {"NA": 140, "CRP": 5})
    ]
    assert asked(blocks) == {}
