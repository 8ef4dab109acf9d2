"""A fitted synthesizer of one table whose rows have an order in time, and what an artifact holds of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.parts import Contents
from synthgen.artifact.single import SingleTable
from synthgen.encoding.domain import Domain
from synthgen.errors import InputError
from synthgen.relational.asked.asking import conditioned
from synthgen.relational.asked.condition import Condition, chosen
from synthgen.relational.extract import BLOCK, Extract
from synthgen.relational.flat.apart import Apart, Block, Writers
from synthgen.relational.learning import log_prob, occurrences_in, told_domains
from synthgen.relational.rules.real import told
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset

#: More patients than anyone asks for; and so many rows without one that meets the conditions are taken for none.
_ENDLESS: Final = 1 << 40
_MOST_TRIED: Final = 50_000


@dataclass(frozen=True, eq=False)
class OrderedSynthesizer(SingleTable):
    """A synthesizer of one table whose rows follow each other in time: an extract of patients and their rows.

    Attributes:
        apart: which columns are the patients'.
        inner: what generates the two tables.
        writers: what writes the columns that are computed from both.
    """

    apart: Apart
    inner: ExtractSynthesizer
    writers: Writers

    @property
    def unsafe(self) -> bool:
        return self.inner.unsafe

    @property
    def rules(self) -> tuple[str, ...]:
        rates = {name: iter(table.rates) for name, table in self.inner.extract.tables.items()}
        return tuple(told(self.config.rules, [next(rates[name]) for name, _ in self.apart.ruled]))

    @property
    def notes(self) -> tuple[str, ...]:
        return self.inner.notes

    def try_out(self) -> None:
        self.inner.try_out()

    def blocks(
        self, n: int, *, seed: int, conditions: Sequence[Condition] = (), balance: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """See ``SingleTable``. Conditions on rows choose among those that are generated."""
        if self.apart.name in self.inner.extract.empty:
            raise InputError(f"{self.table}: the model has no rows to generate; too few patients had any to learn from")
        asked = self._of_patients(conditions)
        others = [each for each in conditions if each not in asked]
        if rest := [name for name in balance if name not in self.apart.personal]:
            own = ", ".join(self.apart.personal) or "none"
            raise InputError(f"--balance: {rest[0]} changes within patients; columns that do not are {own}")
        made = self.inner.extract.blocks(_ENDLESS, seed=seed, where=self._placed(asked), balance=balance)
        whole = (
            self.apart.joined(block[self.apart.patients], block[self.apart.name], self.writers)
            for block in made
            if self.apart.name in block
        )
        yield from chosen(whole, n, others, self.config, self.apart.marks, most_tried=_MOST_TRIED)

    def effective_share(self, conditions: Sequence[Condition], *, seed: int) -> float:
        """See ``SingleTable``. Of rows that are chosen among those generated each is worth one."""
        extract, asked = conditioned(self.inner.extract, self._placed(self._of_patients(conditions)), ())
        given, model = asked.of(self.apart.patients), extract.tables[self.apart.patients].model
        return model.effective_share(given, n=BLOCK, rng=np.random.default_rng([seed, 0])) if given else 1.0

    def _of_patients(self, conditions: Sequence[Condition]) -> list[Condition]:
        """The conditions on what patients are generated with; the others choose among their rows."""
        elsewhere = self.inner.extract.tables[self.apart.patients].codec.plan.elsewhere
        return [each for each in conditions if each.column in self.apart.personal and each.column not in elsewhere]

    def _placed(self, asked: Sequence[Condition]) -> list[tuple[str, Condition]]:
        return [(self.apart.patients, each) for each in asked]

    @property
    def likelihood(self) -> bool:
        return self.inner.extract.likelihood

    def log_prob(
        self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """See ``SingleTable``: that of all rows of its patient together."""
        ids, found = log_prob(*self._parted(block))
        return np.asarray(found[self._places(block, ids)[rows]])

    @property
    def told_domains(self) -> tuple[Domain, ...]:
        return told_domains(self.inner.extract)

    def occurrences(self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]) -> csr_array:
        """See ``SingleTable``: those of all rows of its patient together."""
        ids, found = occurrences_in(*self._parted(block))
        return found[self._places(block, ids)[rows]]

    def _parted(self, block: pa.RecordBatch) -> tuple[Extract, Dataset, Schema]:
        """What generates the two tables, and those that a block is parted into."""
        return self.inner.extract, self.apart.parted(Block(self.table, block, self.apart.marks)), self.apart.two

    def _places(self, block: pa.RecordBatch, ids: pa.StringArray) -> NDArray[np.int64]:
        """Of each row of a block the place of its patient among some ids."""
        texts = pc.utf8_trim_whitespace(pc.cast(block.column(self.config.patient), pa.string()))
        return np.asarray(pc.index_in(texts, value_set=pc.utf8_trim_whitespace(ids)))

    def contents(self) -> Contents:
        documents, arrays = self.inner.contents()
        own = {"table": self.table, "personal": list(self.apart.personal)}
        documents["about"] |= self.about() | own
        documents["schema"] = self.schema.model_dump(mode="json")
        documents["joined"] = {name: writer.to_json() for name, writer in self.writers.items()}
        return documents, arrays

    @classmethod
    def restore(
        cls, schema: Schema, documents: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> OrderedSynthesizer:
        """The inverse of ``contents``. Raises what damaged parts raise."""
        about = documents["about"]
        if [*schema.tables] != [about["table"]]:
            raise ValueError("the table is not that of the config")
        apart = Apart(schema, tuple(about["personal"]))
        inner = ExtractSynthesizer.restore(apart.two, documents, arrays)
        writers = {name: step.kind.restore(documents["joined"][name]) for name, step in apart.across.items()}
        types = {name: kind for own in inner.types.values() for name, kind in own.items()}
        return cls(schema, about["seed"], dict(about["versions"]), about["table"], types, apart, inner, writers)
