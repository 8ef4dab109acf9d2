"""What neighbouring codes of an ordered column have in common."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._autoregressive.smooth import WAVES, waves


def test_the_cosines_are_orthogonal_and_alike_under_the_training_shares() -> None:
    """They stay so however unequal the shares are, since they are of ranks."""
    shares = np.linspace(1, 5, 200) / np.linspace(1, 5, 200).sum()
    found = waves(Domain("age", "age", 200, Scale.NUMERIC), np.log(shares))
    assert not found[0].any()  # nothing is missing
    products = (found[1:] * shares) @ found[1:].T
    assert products == pytest.approx(products[0, 0] * np.eye(WAVES - 1), abs=1e-3)


def test_what_is_missing_is_told_from_all_else_and_has_no_rank() -> None:
    domain = Domain("lab", "lab", 17, Scale.NUMERIC, special=(0,), missing=(0,))
    found = waves(domain, np.log(np.full(17, 1 / 17)))
    assert found[0, 0] > 0
    assert (found[0, 1:] == -found[0, 0]).all()
    assert not found[1:, 0].any()
    assert (np.diff(found[1, 1:]) < 0).all()  # the first cosine tells low from high
    assert [bool(wave.any()) for wave in found] == [True, True, True, False, False, False, False]  # room for two


@pytest.mark.parametrize(
    "domain",
    [
        Domain("ward", "ward", 9, Scale.NOMINAL),
        Domain("icu", "icu", 2, Scale.ORDERED),
        Domain("code", "code", 4, Scale.NOMINAL, special=(3,), parents=((0, 0, 1, 2), (0, 1, 2, 3)), system="icd10"),
    ],
)
def test_columns_without_a_scale_share_nothing(domain: Domain) -> None:
    assert not waves(domain, np.log(np.full(domain.size, 1 / domain.size))).any()


def test_codes_that_were_never_seen_change_nothing() -> None:
    with np.errstate(divide="ignore"):
        found = waves(Domain("age", "age", 20, Scale.NUMERIC), np.log(np.r_[np.full(10, 0.1), np.zeros(10)]))
    assert np.isfinite(found).all()
    assert not waves(Domain("age", "age", 20, Scale.NUMERIC), np.full(20, -np.inf)).any()
