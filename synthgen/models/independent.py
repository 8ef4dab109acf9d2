"""Every code column by itself: the floor that every comparison prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable
from synthgen.models.base import Codes, CodeSource, FittedModel, Given, Model, code_counts
from synthgen.progress import Progress, silent


@dataclass(frozen=True)
class Independent(Model):
    """Learn the marginal distribution of each code column; context changes nothing."""

    @staticmethod
    def fitted() -> type[FittedIndependent]:
        return FittedIndependent

    def fit(
        self,
        source: CodeSource,
        *,
        rng: np.random.Generator,
        context: CodeSource | None = None,
        groups: Iterable[NDArray[np.int64]] | None = None,
        weights: Iterable[NDArray[np.float64]] | None = None,
        validation: CodeSource | None = None,
        progress: Progress = silent,
    ) -> FittedIndependent:
        counts = code_counts(source, weights)
        shares = tuple(column / max(column.sum(), 1) for column in counts)
        return FittedIndependent(source.domains, () if context is None else context.domains, shares)


@dataclass(frozen=True, eq=False)
class FittedIndependent(FittedModel):
    """Shares of the codes of each column.

    Attributes:
        shares: one array ``(domain.size,)`` per code column; all zero where nothing was observed.
    """

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]
    shares: tuple[NDArray[np.float64], ...]

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        codes = np.zeros((n, len(self.domains)), np.int32, order="F")
        for column, shares in enumerate(self.shares):
            if given is not None and column in given:
                codes[:, column] = self._conditional(column, given[column], n, rng)
            elif shares.any():
                codes[:, column] = np.searchsorted(np.cumsum(shares[:-1]), rng.random(n), side="right")
        return codes

    def _conditional(
        self, column: int, condition: NDArray[np.int32] | NDArray[np.bool_], n: int, rng: np.random.Generator
    ) -> NDArray[np.int32]:
        weights = self._weights(column, condition, n)
        total = weights.sum(axis=1)
        if not total.all():
            raise NotApplicable(f"the model never generates what is asked of column {self.domains[column].owner}")
        drawn = rng.random(n) * total
        return np.minimum((np.cumsum(weights, axis=1) <= drawn[:, None]).sum(axis=1), weights.shape[1] - 1).astype(
            np.int32
        )

    def _weights(
        self, column: int, condition: NDArray[np.int32] | NDArray[np.bool_], n: int
    ) -> NDArray[np.float64]:
        """Shares of the allowed codes, shape ``(n, size)``."""
        shares = self.shares[column]
        if condition.dtype == bool:
            return np.broadcast_to(np.atleast_2d(condition) * shares, (n, len(shares)))
        free = condition == UNOBSERVED
        return np.where(free[:, None] | (np.arange(len(shares)) == condition[:, None]), shares, 0.0)

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        result = np.zeros(n)
        for column, condition in given.items():
            shares = self.shares[column]
            if condition.dtype == bool:
                mass = np.broadcast_to((np.atleast_2d(condition) * shares).sum(axis=1), (n,))
            else:
                mass = np.where(condition == UNOBSERVED, 1.0, shares[condition])
            with np.errstate(divide="ignore"):  # what cannot be has a logarithm of minus infinity
                result += np.log(mass)
        return result

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {}, {"shares": np.concatenate([*self.shares, np.zeros(0)])}

    @classmethod
    def from_state(
        cls,
        domains: tuple[Domain, ...],
        context_domains: tuple[Domain, ...],
        values: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> FittedIndependent:
        sizes = [domain.size for domain in domains]
        shares = np.asarray(arrays["shares"], np.float64)
        if shares.shape != (sum(sizes),) or not np.all((shares >= 0) & (shares <= 1)):
            raise ValueError("shares do not fit the domains")
        return cls(domains, context_domains, tuple(np.split(shares, np.cumsum(sizes)[:-1])) if sizes else ())
