"""The contract of every model: fit on code blocks, sample codes, and say how probable codes are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar, Final, Protocol, final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.progress import Progress, silent

Codes = NDArray[np.int32]
"""Codes of shape ``(n_rows, n_code_columns)``; ``UNOBSERVED`` (-1) where nothing is known."""


class CodeSource(Protocol):
    """A re-iterable sequence of code blocks, in memory or memory-mapped.

    ``domains`` describes the columns; iteration yields blocks of shape ``(rows, len(domains))``.
    Sources that belong together (rows, their context, groups and weights) yield blocks of equal lengths.
    """

    @property
    def domains(self) -> tuple[Domain, ...]: ...

    @property
    def n_rows(self) -> int: ...

    def __iter__(self) -> Iterator[Codes]: ...


#: How many patients stand behind whatever a model keeps by itself, where the config does not say.
RARE_BELOW: Final = 5
#: What is asked of one code column: an array of fixed codes ``(n,)`` with -1 where free; a mask of allowed codes of
#: shape ``(n, size)`` (or ``(size,)``, the same for every row); or, in place of a mask, how probable each code is to
#: meet what is asked, from 0 to 1.
Condition = NDArray[np.int32] | NDArray[np.bool_] | NDArray[np.float64]
#: One entry per code column of which something is asked.
Given = Mapping[int, Condition]


def fixes(condition: Condition) -> bool:
    """Whether a condition is of fixed codes, rather than a mask or probabilities."""
    return condition.dtype.kind == "i"


def of_rows(given: Given, rows: NDArray[np.int64]) -> Given:
    """The conditions of some rows; a mask or probabilities of one dimension are the same for all."""
    return {
        column: condition if condition.ndim == 1 and not fixes(condition) else condition[rows]
        for column, condition in given.items()
    }


class FittedModel(ABC):
    """A model that has learned: immutable, and holding nothing that belongs to one patient.

    Attributes:
        likelihood: whether ``log_mass`` has an answer. A model that can only draw (a GAN) has none; it then raises
            ``NotApplicable``.
        unsafe: whether what an artifact keeps of it holds training rows, and executes code when it is brought back.
            ``from_state`` itself must execute none.
    """

    likelihood: ClassVar[bool] = True
    unsafe: ClassVar[bool] = False

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]

    @abstractmethod
    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        """Draw ``n`` rows of codes, shape ``(n, len(domains))``.

        Args:
            given: conditions per code column (see ``Given``).
            context: ``(n, len(context_domains))``; required where the model was fitted with context.

        Raises:
            NotApplicable: a condition has no support in the model.
        """

    @abstractmethod
    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        """The natural logarithm of the probability that a row meets its condition, shape ``(n,)``.

        Args:
            given: conditions per code column for ``n`` rows (see ``Given``).

        Raises:
            NotApplicable: the model has no likelihood.
        """

    @abstractmethod
    def effective_share(self, given: Given, *, n: int, rng: np.random.Generator, context: Codes | None = None) -> float:
        """How many independent draws a conditional draw is worth: 1 where it is exact, less where weights choose it.

        Args:
            given: conditions per code column for ``n`` rows (see ``Given``).
        """

    @final
    def log_prob(self, codes: Codes, *, context: Codes | None = None) -> NDArray[np.float64]:
        """The natural logarithm of each row's probability, shape ``(n,)``; unobserved cells are summed out."""
        fixed = {column: codes[:, column] for column in range(codes.shape[1])}
        return self.log_mass(fixed, n=len(codes), context=context)

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What an artifact keeps: JSON values and named arrays."""

    @classmethod
    @abstractmethod
    def from_state(
        cls,
        domains: tuple[Domain, ...],
        context_domains: tuple[Domain, ...],
        values: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> FittedModel:
        """The inverse of ``state``. Raises ``ValueError`` where shapes contradict the domains."""


class Model(ABC):
    """A way to learn. Concrete models are frozen dataclasses whose fields are their options.

    Attributes:
        conditional: whether it can be given context. Of a table with patients, one that cannot learns the rows alone.
        follows: whether, of a table alone, it is given the patient's rows before each row as well; this costs a step
            for each row of a patient, and a model must have something to gain from it.
    """

    conditional: ClassVar[bool] = True
    follows: ClassVar[bool] = False

    @staticmethod
    @abstractmethod
    def fitted() -> type[FittedModel]:
        """What ``fit`` returns: the class whose ``from_state`` reads an artifact back."""

    @abstractmethod
    def fit(
        self,
        source: CodeSource,
        *,
        rng: np.random.Generator,
        context: CodeSource | None = None,
        groups: Iterable[NDArray[np.int64]] | None = None,
        weights: Iterable[NDArray[np.float64]] | None = None,
        validation: CodeSource | None = None,
        rare_below: int = RARE_BELOW,
        progress: Progress = silent,
    ) -> FittedModel:
        """Learn the distribution of ``source``, given ``context`` where there is one.

        Args:
            groups: whose row each row is, block by block (patients as integers).
            weights: how much each row counts, block by block.
            validation: rows that decide when to stop, the context's columns first; never learned from.
            rare_below: what stands for fewer patients alone is not kept.
        """


@dataclass(frozen=True)
class CodeTable:
    """A code source held in memory.

    ``blocks`` are read in order; each has one column per domain.
    """

    domains: tuple[Domain, ...]
    blocks: Sequence[Codes]

    @property
    def n_rows(self) -> int:
        return sum(len(block) for block in self.blocks)

    def __iter__(self) -> Iterator[Codes]:
        return iter(self.blocks)


def code_counts(source: CodeSource, weights: Iterable[NDArray[np.float64]] | None = None) -> list[NDArray[Any]]:
    """How often each code of each column occurs, ``(domain.size,)`` each; unobserved cells are not counted.

    Integers without ``weights``, so that the counts of parts add up exactly; sums of weights with them.
    """
    dtype = np.int64 if weights is None else np.float64
    counts: list[NDArray[Any]] = [np.zeros(domain.size, dtype) for domain in source.domains]
    each_weight: Iterable[NDArray[np.float64] | None] = repeat(None) if weights is None else weights
    for block, weight in zip(source, each_weight, strict=False):
        for column, domain in enumerate(source.domains):
            # Shifted by one: what is unobserved (-1) falls into the first slot, which is left out.
            counts[column] += np.bincount(block[:, column] + 1, weight, domain.size + 1)[1:].astype(dtype)
    return counts
