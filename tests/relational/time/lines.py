"""Time lines, moments and encoders of a table with columns of every kind of moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.relational.time.moments import Hand
from synthgen.relational.time.steps import NOT_HERE
from synthgen.relational.time.timeline import Timeline
from synthgen.schema.column import Integer
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig
from tests.encoding.build import POINT, learn

CONFIG = TableConfig.model_validate(
    {
        "missing": ["", "?"],
        "columns": {
            "day": {"kind": "date", "format": "%d.%m.%Y", "atoms": ["9999-12-31"]},
            "start": {"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
            "stop": {"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
            "due": {"kind": "date"},
            "taken": {"kind": "date", "format": "%d.%m.%Y", "also": ["00.%m.%Y", "%Y-%m-%d"]},
            "clock": {"kind": "time", "format": "%H:%M"},
            "hour": {"kind": "integer"},
            "since": {"kind": "number", "decimals": 1},
            "loose": {"kind": "number"},
            "sex": {"kind": "category"},
        },
    }
)


def hand(name: str, marks: Format = POINT) -> Hand:
    found = Hand.of(name, CONFIG, marks)
    assert found is not None
    return found


def cells(*texts: str) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def at(text: str) -> int:
    """Seconds since 1970."""
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds())


def told(column: pa.Array) -> list[str]:
    texts: list[str] = column.cast(pa.string()).to_pylist()
    return texts


def line(order: str, others: Sequence[str] = (), window: tuple[int, int] | None = None, **more: Any) -> Timeline:
    known: dict[str, Any] = {"by_day": True, "ahead": frozenset(), "born": False, "windows": {order: window}}
    return Timeline(hand(order), tuple(hand(other) for other in others), **(known | more))


def encoder(name: str, numbers: Sequence[int], apart: Sequence[str] = ()) -> NumericEncoder:
    """Numbers of which each is common enough to be kept, so that codes are exact."""
    kind = NumericKind(name, Integer(atoms=(NOT_HERE,)), POINT, ("",))
    found = learn(
        kind, [str(number) for number in numbers for _ in range(5)] + [text for text in apart for _ in range(5)]
    )
    assert isinstance(found, NumericEncoder)
    return found


FIRST = np.array([True, False, False, False])
BORN = at("2024-02-20")
