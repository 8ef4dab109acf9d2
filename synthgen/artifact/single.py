"""What synthesizers of one table have in common, however its rows are made."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.artifact.synthesizer import Synthesizer
from synthgen.encoding.domain import Domain
from synthgen.relational.asked.condition import Condition
from synthgen.schema.table import TableConfig


@dataclass(frozen=True, eq=False)
class SingleTable(Synthesizer):
    """A synthesizer of one table.

    Attributes:
        table: the name of the table.
        types: Arrow types of the columns of a typed source, for Parquet output; empty for text files.
    """

    table: str
    types: Mapping[str, pa.DataType]

    @property
    def config(self) -> TableConfig:
        """What is stated of the table."""
        return self.schema.tables[self.table]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the output."""
        return tuple(name for name, column in self.config.columns.items() if column.kind != "drop")

    @abstractmethod
    def blocks(
        self, n: int, *, seed: int, conditions: Sequence[Condition] = (), balance: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """The first ``n`` rows of the endless output of this seed, in batches, the last patient cut.

        Args:
            balance: columns whose combinations of levels are made equally frequent among patients.

        Raises:
            InputError: a condition makes no sense for its column, or the model never generates what it asks for.
        """

    @abstractmethod
    def effective_share(self, conditions: Sequence[Condition], *, seed: int) -> float:
        """How many independent rows a row under these conditions is worth; 1 where draws are exact."""

    @property
    @abstractmethod
    def likelihood(self) -> bool:
        """Whether ``log_prob`` has an answer."""

    @abstractmethod
    def log_prob(
        self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """How probable each row is together with what belongs to its patient, as ``FlatSynthesizer.log_prob``."""

    @property
    @abstractmethod
    def told_domains(self) -> tuple[Domain, ...]:
        """The code columns whose codes ``log_prob`` finds more or less probable."""

    @abstractmethod
    def occurrences(self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]) -> csr_array:
        """How often each row and what belongs to its patient have each code of ``told_domains``."""
