"""Small clustered tables and their synthesizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from synthgen.plugins import load_model
from synthgen.relational.asked.condition import parse
from synthgen.relational.codec import Plan
from synthgen.relational.flat.learning import learn
from synthgen.relational.flat.table import FlatSynthesizer
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig
from synthgen.tables.memory import MemoryTable
from synthgen.tables.split import Split


def table(columns: Mapping[str, Sequence[str]]) -> MemoryTable:
    return MemoryTable.from_arrow(pa.table({name: list(cells) for name, cells in columns.items()}), "t")


def config(patient: str | None = None, **columns: Any) -> TableConfig:
    declared = {name: kind if isinstance(kind, dict) else {"kind": kind} for name, kind in columns.items()}
    return TableConfig.model_validate({"patient": patient, "columns": declared})


def learned(
    columns: Mapping[str, Sequence[str]],
    declared: TableConfig,
    *,
    holdout: float = 0.0,
    model: str = "independent",
    rare_below: int = 5,
    seed: int = 1,
) -> FlatSynthesizer:
    data = table(columns)
    missing = () if declared.patient is None else declared.missing_in(declared.patient)
    split = Split.draw(data, share=holdout, patient=declared.patient, missing=missing, seed=seed)
    return learn(data, Plan(declared, Format()), split, load_model(model), rare_below=rare_below, seed=seed)


def sample(made: FlatSynthesizer, n: int, *, seed: int = 1, where: Sequence[str] = ()) -> dict[str, list[str]]:
    known = tuple(made.codec.plan.config.columns)
    conditions = [parse(text, table="t", columns=known) for text in where]
    whole = pa.Table.from_batches(made.blocks(n, seed=seed, conditions=conditions))
    return {name: whole.column(name).to_pylist() for name in whole.column_names}
