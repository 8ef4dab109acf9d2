"""A fitted synthesizer of one table, and what an artifact holds of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.artifact.parts import MOST_ROWS, Contents, bare, reader
from synthgen.artifact.single import SingleTable
from synthgen.artifact.types import type_named, type_text
from synthgen.encoding.domain import Domain
from synthgen.encoding.quantiser import Quantiser
from synthgen.encoding.since import Since
from synthgen.encoding.until import Until
from synthgen.models.base import FittedModel, Model
from synthgen.models.independent import Independent
from synthgen.plugins import load_model
from synthgen.relational.asked.condition import Condition
from synthgen.relational.codec import Plan
from synthgen.relational.flat.past import Past
from synthgen.relational.flat.person import rows_domain
from synthgen.relational.flat.table import FlatSynthesizer
from synthgen.relational.rules.real import rates_from_json, told
from synthgen.relational.told.history import Memory
from synthgen.schema.config import Schema


@dataclass(frozen=True, eq=False)
class TableSynthesizer(SingleTable):
    """A synthesizer of one table whose rows have no order in time.

    Attributes:
        flat: the fitted parts.
    """

    flat: FlatSynthesizer

    @property
    def unsafe(self) -> bool:
        return self.flat.rows.unsafe

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(told(self.flat.codec.plan.config.rules, self.flat.rates))

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(bare(self.table, self.flat.codec, self.schema.privacy.rare_below))

    def try_out(self) -> None:
        self.flat.codec.try_out()

    def blocks(
        self, n: int, *, seed: int, conditions: Sequence[Condition] = (), balance: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """See ``SingleTable``."""
        yield from self.flat.blocks(n, seed=seed, conditions=conditions, balance=balance)

    def effective_share(self, conditions: Sequence[Condition], *, seed: int) -> float:
        """See ``SingleTable``."""
        return self.flat.effective_share(conditions, seed=seed)

    @property
    def likelihood(self) -> bool:
        return self.flat.likelihood

    def log_prob(
        self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """See ``SingleTable``."""
        return self.flat.log_prob(block, patient, rows)

    @property
    def told_domains(self) -> tuple[Domain, ...]:
        return self.flat.told_domains

    def occurrences(self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]) -> csr_array:
        """See ``SingleTable``."""
        return self.flat.occurrences(block, patient, rows)

    def contents(self) -> Contents:
        flat = self.flat
        parts: dict[str, FittedModel] = {"rows": flat.rows} | ({} if flat.person is None else {"person": flat.person})
        arrays: dict[str, NDArray[Any]] = {}
        models: dict[str, Any] = {}
        for part, model in parts.items():
            models[part], own = model.state()
            arrays |= {f"{part}.{name}": array for name, array in own.items()}
        documents: dict[str, Any] = (
            {
                "about": self.about()
                | {"table": self.table, "types": {name: type_text(kind) for name, kind in self.types.items()}},
                "schema": self.schema.model_dump(mode="json"),
                "columns": flat.codec.to_json(),
                "persons": {
                    "columns": list(flat.personal),
                    "rows": None if flat.numbers is None else flat.numbers.to_json(),
                    "past": None if flat.past is None else flat.past.memory.to_json(),
                    "ids": list(flat.ids),
                },
                "models": models,
            }
            | ({"times": flat.codec.times_to_json()} if flat.codec.plan.since or flat.codec.plan.until else {})
            | ({"rules": {"rates": list(flat.rates)}} if flat.rates else {})
        )
        return documents, arrays

    @classmethod
    def restore(
        cls, schema: Schema, documents: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> TableSynthesizer:
        about, persons = documents["about"], documents["persons"]
        config = schema.tables[about["table"]]
        times = documents.get("times", {"since": {}, "until": {}})
        since = {name: Since(*told) for name, told in times["since"].items()}
        until = {name: Until(*told) for name, told in times["until"].items()}
        codec = Plan(config, schema.format, since=since, until=until).restore(documents["columns"])
        personal = tuple(persons["columns"])
        if sorted(set(personal)) != list(personal) or not set(personal) <= set(range(len(codec.domains))):
            raise ValueError("the patients' columns are not columns of the table")
        if (config.patient is None) != (persons["rows"] is None):
            raise ValueError("patients without numbers of rows, or the other way round")
        rest = tuple(codec.domains[i] for i in range(len(codec.domains)) if i not in set(personal))
        model: type[Model] = load_model(schema.model.name)
        restored = reader(documents["models"], arrays, {part: part for part in ("person", "rows")})
        numbers = None if persons["rows"] is None else Quantiser.from_json(persons["rows"])
        if numbers is not None and not all(0 < bound <= MOST_ROWS for ends in numbers.bounds() for bound in ends):
            raise ValueError("a patient has no rows, or more than any has")
        person = None
        own: tuple[Domain, ...] = ()
        if numbers is not None:
            own = (*(codec.domains[i] for i in personal), rows_domain(numbers))
            person = restored(model if model.conditional else Independent, "person", own, ())
        past = None if persons["past"] is None else Past(Memory.from_json(rest, persons["past"]))
        given = (*own, *(() if past is None else past.domains))
        rest = rest if past is None else past.memory.own_domains
        rows = restored(model, "rows", rest, given if model.conditional else ())
        rates = rates_from_json(documents["rules"]["rates"], config.rules) if config.constraints else ()
        ids = tuple(persons["ids"])
        if not set(ids) <= set(codec.ids) - {config.patient}:
            raise ValueError("the patients' ids are not columns of ids")
        flat = FlatSynthesizer(codec, person, personal, numbers, rows, rates, past, ids)
        types = {name: type_named(text) for name, text in about["types"].items()}
        return cls(schema, about["seed"], dict(about["versions"]), about["table"], types, flat)
