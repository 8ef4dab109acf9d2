"""Correlations told by few partial correlations: which pairs are linked, and what follows for the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._copula.sparse import links, selected, sparse_correlation
from synthgen.models.base import CodeTable
from synthgen.models.copula import Copula


def chain(n: int, step: float) -> NDArray[np.float64]:
    """Each column told by the one before alone: correlations are powers of ``step``."""
    return np.asarray(step ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))))


def off(n: int, value: float) -> NDArray[np.float64]:
    """``value`` everywhere but on the diagonal."""
    return value * (1 - np.eye(n))


def neighbours(n: int, reach: int = 1) -> NDArray[np.bool_]:
    return np.asarray(np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= reach)


def test_what_is_not_linked_follows_from_what_is() -> None:
    """Of three in a row the outer two correlate by the product of both steps, whatever was counted of them."""
    counted = np.array([[1, 0.6, 0.37], [0.6, 1, 0.5], [0.37, 0.5, 1]])
    found = selected(counted, neighbours(3))
    assert found == pytest.approx(np.array([[1, 0.6, 0.3], [0.6, 1, 0.5], [0.3, 0.5, 1]]))
    assert np.linalg.inv(found)[0, 2] == pytest.approx(0, abs=1e-12)


def test_linked_pairs_keep_what_was_counted() -> None:
    rng = np.random.default_rng(1)
    counted = np.corrcoef(rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8)), rowvar=False)
    linked = neighbours(8, 2)
    found = selected(counted, linked)
    assert found[linked] == pytest.approx(counted[linked], abs=2e-3)
    assert np.linalg.inv(found)[~linked] == pytest.approx(0, abs=2e-2)
    assert selected(counted, np.ones((8, 8), bool)) == pytest.approx(counted)
    assert selected(counted, np.eye(8, dtype=bool)) == pytest.approx(np.eye(8))


def test_links_of_a_chain_are_found() -> None:
    assert (links(chain(10, 0.5), off(10, 0.1)) == neighbours(10)).all()


def test_an_entry_under_an_infinite_penalty_is_no_link() -> None:
    penalty = off(3, 0.01)
    penalty[0, 1] = penalty[1, 0] = np.inf
    found = links(np.array([[1, 0.9, 0.5], [0.9, 1, 0.5], [0.5, 0.5, 1]]), penalty)
    assert (found == np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1]], bool)).all()


def test_what_is_uncertain_has_to_be_stronger() -> None:
    """√(2 log 4) is 1.67: a correlation of .2 stands out from an error of .1, and not from one of .15."""
    counted, errors = np.eye(4), off(4, 0.1)
    counted[0, 1] = counted[1, 0] = counted[2, 3] = counted[3, 2] = 0.2
    errors[2, 3] = errors[3, 2] = 0.15
    found = sparse_correlation(counted, errors)
    assert found[0, 1] == pytest.approx(0.2)
    assert found[2, 3] == 0


def test_no_correlation_is_further_from_what_was_counted_than_chance_would_bring() -> None:
    """A pair that others explain to a part alone: the penalty hid that part from the lasso."""
    counted, errors = chain(6, 0.6), off(6, 0.04)
    counted[0, 2] = counted[2, 0] = 0.6**2 + 0.1
    penalty = np.sqrt(2 * np.log(6)) * errors
    found = sparse_correlation(counted, errors)
    assert (np.abs(found - counted) <= penalty + 1e-9).all()


def test_many_columns_that_go_closely_together_leave_a_correlation_matrix() -> None:
    walks = np.cumsum(np.random.default_rng(1).normal(size=(300, 150)), axis=1)
    found = sparse_correlation(np.corrcoef(walks, rowvar=False), off(150, 300**-0.5))
    assert (np.diag(found) == 1).all()
    assert (found == found.T).all()
    assert np.linalg.eigvalsh(found)[0] > 0


def test_likelihood_does_not_tell_who_was_learned_from() -> None:
    """Of 60 columns 1,770 correlations are counted, in 200 patients; 59 tell the others."""
    rng = np.random.default_rng(1)
    latent = rng.normal(size=(400, 60)) @ np.linalg.cholesky(chain(60, 0.6)).T
    codes, member = np.digitize(latent, [-1, -0.3, 0.3, 1]).astype(np.int32), np.arange(400) < 200
    domains = tuple(Domain(f"c{at}", f"c{at}", 5, Scale.ORDERED) for at in range(60))
    fitted = Copula().fit(CodeTable(domains, [np.asfortranarray(codes[member])]), rng=rng)
    as_counted = replace(fitted, correlation=np.corrcoef(latent[member], rowvar=False))
    assert roc_auc_score(member, as_counted.log_prob(codes)) > 0.8
    assert roc_auc_score(member, fitted.log_prob(codes)) < 0.7
