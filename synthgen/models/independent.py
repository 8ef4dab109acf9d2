"""Every code column by itself: the floor that every comparison prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable
from synthgen.models._marginals import shares_of
from synthgen.models.base import (
    RARE_BELOW,
    Codes,
    CodeSource,
    Condition,
    FittedModel,
    Given,
    Model,
    code_counts,
    fixes,
)
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
        rare_below: int = RARE_BELOW,
        progress: Progress = silent,
    ) -> FittedIndependent:
        counts = code_counts(source, weights)
        shares = tuple(shares_of(domain, column) for domain, column in zip(source.domains, counts, strict=True))
        return FittedIndependent(source.domains, () if context is None else context.domains, shares)


@dataclass(frozen=True, eq=False)
class FittedIndependent(FittedModel):
    """Shares of the codes of each column.

    Attributes:
        shares: one array ``(domain.size,)`` per code column.
    """

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]
    shares: tuple[NDArray[np.float64], ...]

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        self._check(context)
        codes = np.zeros((n, len(self.domains)), np.int32, order="F")
        for column, shares in enumerate(self.shares):
            if given is not None and column in given:
                codes[:, column] = self._conditional(column, given[column], n, rng)
            else:
                cumulative = np.cumsum(shares)
                codes[:, column] = np.searchsorted(cumulative, _below(rng.random(n), cumulative[-1]), side="right")
        return codes

    def _conditional(self, column: int, condition: Condition, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        cumulative = np.cumsum(self._allowed(column, condition), axis=1)
        if not cumulative[:, -1].all():
            raise NotApplicable(f"the model never generates what is asked of {self.domains[column].owner}")
        return np.asarray((cumulative <= _below(rng.random(n), cumulative[:, -1])[:, None]).sum(axis=1), np.int64)

    def _allowed(self, column: int, condition: Condition) -> NDArray[np.float64]:
        """Shares of what meets the condition, by code, ``(n, size)``; ``(1, size)`` where all rows are alike."""
        shares = self.shares[column]
        if not fixes(condition):
            return np.atleast_2d(condition).astype(np.float64) * shares
        free = condition == UNOBSERVED
        return np.where(free[:, None] | (np.arange(len(shares)) == condition[:, None]), shares, 0.0)

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        self._check(context)
        result = np.zeros(n)
        for column, condition in given.items():
            mass = self._allowed(column, condition).sum(axis=1)
            with np.errstate(divide="ignore"):  # what cannot be has a logarithm of minus infinity
                result += np.log(mass)
        return result

    def effective_share(self, given: Given, *, n: int, rng: np.random.Generator, context: Codes | None = None) -> float:
        return 1.0

    def _check(self, context: Codes | None) -> None:
        if self.context_domains and context is None:
            raise ValueError("this model was fitted with context and needs it")

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


def _below(uniform: NDArray[np.float64], total: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    """Uniform draws stretched to less than the total, rounding included: so no code of no share is ever reached."""
    return np.minimum(uniform * total, np.nextafter(total, 0.0))
