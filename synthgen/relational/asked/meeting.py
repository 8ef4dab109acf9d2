"""Draws whose rows meet conditions that no code by itself tells about, such as one on part of a week."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthgen.models._rejection import draw_until
from synthgen.models.base import Codes, FittedModel, Given, of_rows
from synthgen.relational.codec import Codec

#: How probable each row of codes is to be decoded to what is asked, as a share of what was told to the model.
Share: TypeAlias = Callable[[Codes], NDArray[np.float64]]


def share_of(codec: Codec, columns: Sequence[int]) -> Share | None:
    """What conditions leave to reckon with in rows of some code columns; ``None`` where single codes tell all.

    Args:
        columns: the code columns of the rows, which hold all those of a column or none.
    """
    place = {column: at for at, column in enumerate(columns)}
    left = [
        (encoder, [place[column] for column in codec.places[name]])
        for name, encoder in codec.encoders.items()
        if encoder.joint and codec.places[name][0] in place
    ]
    if not left:
        return None
    return lambda codes: np.prod([encoder.share(codes[:, own]) for encoder, own in left], axis=0)


def sampled(
    model: FittedModel,
    n: int,
    share: Share | None,
    *,
    rng: np.random.Generator,
    given: Given | None,
    context: Codes | None = None,
) -> Codes:
    """``model.sample``, its rows accepted by their share.

    Raises:
        NotApplicable: a condition has no support in the model.
    """
    if share is None:
        return model.sample(n, rng=rng, given=given, context=context)

    def some(at: NDArray[np.int64]) -> Codes:
        own = None if context is None else np.asfortranarray(context[at])
        return model.sample(len(at), rng=rng, given=None if given is None else of_rows(given, at), context=own)

    return draw_until(some, n, len(model.domains), lambda codes, _: share(codes), rng, what="what is asked")
