"""Columns that repeat what the row above them holds."""

from __future__ import annotations

from synthgen.inference import infer_tables
from synthgen.tables.dataset import Dataset
from tests.inference.build import Cells

N = 60
CODES = ("E11.9", "I10", "J44.1", "N18.3", "C61")


def constraints(*, wrong: int = 0) -> dict[str, tuple[str, ...]]:
    """Stays that repeat the sex of their patient, and diagnoses of which the main one is that of the stay."""
    stays, diagnoses = range(3 * N), range(9 * N)
    sexes = ["w" if n % 2 else "m" for n in range(N)]
    mains = [CODES[row * 7 % 5] for row in stays]
    tables = {
        "patients": {
            "patient_id": [f"P{n:03d}" for n in range(N)],
            "sex": sexes,
            "smoker": ["yes" if n % 3 else "no" for n in range(N)],
        },
        "stays": {
            "stay_id": [f"S{row:04d}" for row in stays],
            "patient_id": [f"P{row // 3:03d}" for row in stays],
            "sex": [sexes[(row + 1) // 3 % N if row < wrong else row // 3] for row in stays],
            "ward": ["AB"[row % 2] for row in stays],
            "main_diagnosis": mains,
        },
        "diagnoses": {
            "stay_id": [f"S{row // 3:04d}" for row in diagnoses],
            "place": ["second" if row % 3 else "main" for row in diagnoses],
            "diagnosis": [CODES[row * 3 % 5] if row % 3 else mains[row // 3] for row in diagnoses],
        },
    }
    guess = infer_tables(Dataset({name: Cells(cells, name) for name, cells in tables.items()}))
    return {name: table.constraints for name, table in guess.schema.tables.items() if table.constraints}


def test_what_rows_repeat_is_kept_alike_and_what_only_looks_like_it_is_not() -> None:
    assert constraints() == {
        "stays": ("sex == patients.sex",),
        "diagnoses": ("place == 'main' implies diagnosis == stays.main_diagnosis",),
    }


def test_what_many_rows_contradict_is_not_repeated() -> None:
    assert "stays" not in constraints(wrong=60)
