"""Which columns of a table are learned, and what is derived for them."""

from __future__ import annotations

from synthgen.relational.belonging.structure import Structure
from synthgen.relational.fold import Additions, derived, implied, resolved
from synthgen.relational.time.moments import Hand
from synthgen.relational.time.timeline import Timeline
from synthgen.schema.column import Category, Integer
from tests.encoding.build import POINT
from tests.relational import clinic

SCHEMA = clinic.schema()
MEMBERS = Structure.of(SCHEMA).members
ADDED = Additions(children=("visits",), orphaned=("labs",), timed=("visits",), told=("ward",))


def timeline(table: str, order: str, *others: str, absolute: bool = False) -> Timeline:
    hands = [Hand.of(name, SCHEMA.tables[table], POINT) for name in (order, *others)]
    first, *rest = [hand for hand in hands if hand is not None]
    return Timeline(first, tuple(rest), False, frozenset(), False, {}, absolute)


def test_numbers_of_children_orphans_ends_and_links_are_columns() -> None:
    assert ADDED.columns == {
        "ward.link": Category(other="*", missing=("",)),
        "rows of visits": Integer(min=0, missing=("",)),
        "rows of labs without parent": Integer(min=0, missing=("",)),
        "last of visits": Integer(missing=("",)),
    }
    assert list(implied(ADDED, POINT).config.columns) == list(ADDED.columns)
    assert Additions.from_json(ADDED.to_json()) == ADDED


def test_what_other_rows_say_is_filled_in_and_not_learned() -> None:
    assert resolved(MEMBERS["visits"]) == {"patient": "patients", "ward": "wards", "previous": "visits"}
    assert resolved(MEMBERS["claims"]) == {"patient": "patients", "payer_of": "patients", "visit": "visits"}
    # A code of a reference table is a value like any other; the patient of a value is that of its visit.
    assert resolved(MEMBERS["labs"]) == {"visit": "visits", "patient": "patients"}
    assert resolved(MEMBERS["patients"]) == {}


def learned(table: str, times: Timeline | None, added: Additions) -> list[str]:
    plan = derived(SCHEMA.tables[table], MEMBERS[table], POINT, times, added)
    assert plan.config.patient is None
    return [name for name in plan.config.columns if name not in plan.elsewhere]


def test_links_and_moments_leave_and_steps_come_in() -> None:
    found = learned("visits", timeline("visits", "start", "stop"), Additions(told=("ward",)))
    assert found == ["visit", "urgent", "start.first", "start.gap", "stop.after", "ward.link"]


def test_births_stay() -> None:
    found = learned("patients", timeline("patients", "born", absolute=True), Additions())
    assert found == ["patient", "born", "sex", "name"]


def test_codes_that_another_table_lists_are_not_merged() -> None:
    columns = derived(SCHEMA.tables["labs"], MEMBERS["labs"], POINT, None, Additions()).config.columns
    assert isinstance(columns["code"], Category)
    assert columns["code"].other is None
    assert isinstance(clinic.schema().tables["patients"].columns["sex"], Category)
