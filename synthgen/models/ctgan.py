"""A conditional generative adversarial network for tables: CTGAN (Xu et al. 2019), on codes.

What differs from the paper and its authors' program, on purpose:

- Saved are the generator's weights, with batch normalisation folded in, and the shares of codes; of the training rows
  and of the index by which they were sampled nothing is. The mean and variance that are folded in are those of many
  rows under the conditions of sampling, so a generated row does not depend on its neighbours in a batch.
- Numeric columns are normalised on the histogram of their codes. Reasons for missing and other special codes are
  further modes. A column of ten regular codes or fewer counts as discrete.
- Products with one-hot rows and conditions are look-ups, and rows of weights that were not looked up rest in a step.
- The outputs start at the marginals: their biases are log shares.
- Given context, half of the training rows are under no condition; sampling sets none either, since which level
  to ask for would itself depend on the context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import isfinite
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable, SynthgenError
from synthgen.models import _device
from synthgen.models._ctgan.conditions import BatchCondition, Features, RowIndex
from synthgen.models._ctgan.layer import Layer, forward, from_arrays, to_arrays
from synthgen.models._ctgan.modes import Modes
from synthgen.models._ctgan.spans import Outputs, RowEncoder
from synthgen.models._marginals import shares_of
from synthgen.models._possible import require_possible
from synthgen.models._rejection import draw_until_met
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

#: So many rows tell the mean and variance that are folded in.
_SETTLED_ON: Final = 10_000
#: Rows that go through the generator at once when sampling: what fits a processor's cache.
_AT_ONCE: Final = 1024


@dataclass(frozen=True)
class Ctgan(Model):
    """Learn by training a generator against a critic. Options have their published names and defaults.

    Attributes:
        embedding_dim: how many random numbers the generator is fed for each row.
        generator_dim: the sizes of the generator's residual layers.
        discriminator_dim: the sizes of the critic's layers.
        generator_lr, discriminator_lr: the rates of Adam.
        generator_decay, discriminator_decay: weight decay.
        batch_size: rows of a step; whole packs.
        discriminator_steps: steps of the critic for each of the generator.
        log_frequency: whether levels are conditioned on by the logarithm of their frequency, else by frequency.
        epochs: how often as many rows as there are in training are drawn.
        pac: so many rows are judged together.
        device: ``auto`` takes a GPU where there is one.
    """

    embedding_dim: int = 128
    generator_dim: tuple[int, ...] = (256, 256)
    discriminator_dim: tuple[int, ...] = (256, 256)
    generator_lr: float = 2e-4
    generator_decay: float = 1e-6
    discriminator_lr: float = 2e-4
    discriminator_decay: float = 1e-6
    batch_size: int = 500
    discriminator_steps: int = 1
    log_frequency: bool = True
    epochs: int = 300
    pac: int = 10
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "batch_size", "discriminator_steps", "epochs", "pac"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if min((*self.generator_dim, *self.discriminator_dim), default=1) < 1:
            raise ValueError("generator_dim and discriminator_dim must hold sizes of at least 1")
        for name in ("generator_lr", "discriminator_lr"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be above 0")
        for name in ("generator_decay", "discriminator_decay"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be 0 or more")
        if self.batch_size % self.pac:
            raise ValueError(f"batch_size must be a multiple of pac; {self.batch_size} is none of {self.pac}")

    @staticmethod
    def fitted() -> type[FittedCtgan]:
        return FittedCtgan

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
    ) -> FittedCtgan:
        """As the contract says; ``groups`` and ``validation`` change nothing.

        An unobserved cell is drawn once, before training, from the shares of its column's codes.

        Raises:
            InputError: ``device`` asks for a GPU and there is none.
            SynthgenError: training diverged.
        """
        each_weight = None if weights is None else list(weights)
        counts = code_counts(source, each_weight)
        shares = tuple(shares_of(domain, count) for domain, count in zip(source.domains, counts, strict=True))
        encoder = RowEncoder.fit(source.domains, counts, shares)
        features = Features(encoder.layout, () if context is None else context.domains)
        layers: tuple[Layer, ...] = ()
        if encoder.layout.spans:
            rows = _Rows.of(source, context, each_weight, encoder.layout, shares, rng)
            layers = self._train(rows, encoder, features, shares, rng, progress)
        return FittedCtgan(source.domains, features.context, shares, encoder.layout.modes, layers)

    def _train(
        self,
        rows: _Rows,
        encoder: RowEncoder,
        features: Features,
        shares: Sequence[NDArray[np.float64]],
        rng: np.random.Generator,
        progress: Progress,
    ) -> tuple[Layer, ...]:
        import torch

        from synthgen.models._ctgan.critic import Critic
        from synthgen.models._ctgan.generator import Generator
        from synthgen.models._ctgan.lookup import Active

        layout, device = encoder.layout, torch.device(_device.chosen(self.device))
        index, with_context = RowIndex.of(layout, rows.levels, rows.weights, self.log_frequency), bool(features.context)
        generator = Generator(
            layout,
            noise=self.embedding_dim,
            sizes=self.generator_dim,
            log_shares=encoder.log_shares(shares),
            n_features=features.n,
            rate=self.generator_lr,
            decay=self.generator_decay,
            rng=rng,
            device=device,
        )
        critic = Critic(
            layout.n_outputs,
            n_features=features.n,
            sizes=self.discriminator_dim,
            pack=self.pac,
            rate=self.discriminator_lr,
            decay=self.discriminator_decay,
            rng=rng,
            device=device,
        )

        def active(condition: BatchCondition, context: Codes | None) -> Active:
            return Active(torch.from_numpy(features.of(condition, context)).to(device))

        def real(drawn: NDArray[np.int64]) -> Active:
            outputs, values = encoder.features(rows.levels[drawn], rng)
            return Active(torch.from_numpy(outputs).to(device), torch.from_numpy(values).to(device))

        def draw() -> tuple[BatchCondition, NDArray[np.int64], Active]:
            condition, drawn = index.draw(self.batch_size, rng, with_context=with_context)
            return condition, drawn, active(condition, rows.context_of(drawn))

        steps = max(len(rows.levels) // self.batch_size, 1)
        for epoch in range(self.epochs):
            for step in range(steps):
                for _ in range(self.discriminator_steps):
                    _, drawn, conditions = draw()
                    loss = critic.step(real(drawn), generator.fake(conditions), conditions)
                condition, _, conditions = draw()
                missed = generator.step(conditions, *condition.outputs(layout), partial(critic.scores, conditions))
                told = f"epoch {epoch + 1}/{self.epochs}, losses {missed:.2f} and {loss:.2f}"
                if not isfinite(missed) or not isfinite(loss):
                    raise _diverged(told)
                progress(told, (epoch + (step + 1) / steps) / self.epochs)
        condition = _as_it_comes(layout, shares, _SETTLED_ON, rng, with_context=with_context)
        context = rows.context_of(index.any_rows(_SETTLED_ON, rng))
        layers = generator.settled(active(condition, context), features.unused(rows.context))
        if not all(np.isfinite(array).all() for layer in layers for array in vars(layer).values()):
            raise _diverged(told)
        return layers


def _diverged(told: str) -> SynthgenError:
    return SynthgenError(
        f"ctgan: training diverged ({told}); lower generator_lr and discriminator_lr, or raise batch_size"
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """The training rows in memory.

    Attributes:
        levels: int32 ``(n_rows, n_spans)``, what was unobserved drawn.
        context: the codes of the context, where there is one.
        weights: how much each row counts; ``None`` where all count alike.
    """

    levels: NDArray[np.int32]
    context: Codes | None
    weights: NDArray[np.float64] | None

    @classmethod
    def of(
        cls,
        source: CodeSource,
        context: CodeSource | None,
        weights: Sequence[NDArray[np.float64]] | None,
        layout: Outputs,
        shares: Sequence[NDArray[np.float64]],
        rng: np.random.Generator,
    ) -> _Rows:
        """Read all blocks."""
        levels = np.concatenate([layout.levels(block) for block in source])
        for own, span in zip(levels.T, layout.spans, strict=True):
            unknown = np.flatnonzero(own < 0)
            cumulative = np.cumsum(shares[span.column][span.levels])
            own[unknown] = _levels_at(cumulative, rng.random(len(unknown)))
        known = None if context is None else np.concatenate(list(context))
        return cls(levels, known, None if weights is None else np.concatenate(weights))

    def context_of(self, rows: NDArray[np.int64]) -> Codes | None:
        """The context of some rows."""
        return None if self.context is None else self.context[rows]


def _levels_at(cumulative: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """The level that each uniform number falls into, by cumulative shares that need not end at 1."""
    found = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    return np.asarray(np.minimum(found, len(cumulative) - 1), np.int64)


def _as_it_comes(
    layout: Outputs, shares: Sequence[NDArray[np.float64]], n: int, rng: np.random.Generator, *, with_context: bool
) -> BatchCondition:
    """The conditions of sampling: a column is drawn uniformly and a level by its share; none where context rules."""
    span, level = np.full((2, n), -1, np.int64)
    if with_context or not layout.discrete:
        return BatchCondition(span, level)
    span = np.array(layout.discrete, np.int64)[rng.integers(0, len(layout.discrete), n)]
    uniform = rng.random(n)
    for i in layout.discrete:
        mine = span == i
        level[mine] = _levels_at(np.cumsum(shares[layout.spans[i].column][layout.spans[i].levels]), uniform[mine])
    return BatchCondition(span, level)


@dataclass(frozen=True, eq=False)
class FittedCtgan(FittedModel):
    """The generator.

    Attributes:
        shares: of the codes of each column, ``(domain.size,)`` each; codes of no share are never generated.
        modes: of each numeric column that has some.
        layers: of the generator; none where every column is constant.
    """

    likelihood = False

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]
    shares: tuple[NDArray[np.float64], ...]
    modes: tuple[Modes, ...]
    layers: tuple[Layer, ...]

    @cached_property
    def layout(self) -> Outputs:
        """What the generator's outputs mean."""
        return Outputs.of(self.domains, self.shares, self.modes)

    @cached_property
    def features(self) -> Features:
        """What conditions and context are to the generator."""
        return Features(self.layout, self.context_domains)

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        """As the contract says: ``given`` by rejection.

        Where the generator can be conditioned on a column of which something is asked, it is, on what is least
        probable: then far fewer draws are rejected. Given context it is only where one code alone is allowed, and never
        on codes that are asked for with probabilities, which it cannot be told.
        """
        if self.context_domains and context is None:
            raise ValueError("this model was fitted with context and needs it")
        known = context if self.context_domains else None
        asked = given or {}
        require_possible(asked, [shares > 0 for shares in self.shares], self.domains, n)
        allowed = {column: self._mask(column, condition, n) for column, condition in asked.items()}
        masks = {column: mask for column, mask in allowed.items() if asked[column].dtype.kind != "f"}

        def draw(positions: NDArray[np.int64]) -> Codes:
            own = None if known is None else known[positions]
            condition = self._condition(
                {column: mask[positions] for column, mask in masks.items()}, len(positions), rng
            )
            return self._generate(condition, own, rng)

        return draw_until_met(draw, n, given, self.domains, rng) if given else draw(np.arange(n))

    def _mask(self, column: int, condition: Condition, n: int) -> NDArray[np.bool_]:
        """Which codes a row may have, of those that were ever seen, ``(n, size)``."""
        seen = self.shares[column] > 0
        if not fixes(condition):
            return np.broadcast_to(np.logical_and(np.atleast_2d(condition), seen), (n, len(seen)))
        free = (condition == UNOBSERVED)[:, None]
        return np.asarray(seen & (free | (np.arange(len(seen)) == condition[:, None])), bool)

    def _condition(self, masks: Mapping[int, NDArray[np.bool_]], n: int, rng: np.random.Generator) -> BatchCondition:
        """What the generator is asked for, row by row."""
        with_context = bool(self.context_domains)
        condition = _as_it_comes(self.layout, self.shares, n, rng, with_context=with_context)
        least = np.ones(n)
        for i in self.layout.discrete:
            span = self.layout.spans[i]
            if span.column not in masks:
                continue
            allowed = masks[span.column][:, span.levels]
            cumulative = np.cumsum(allowed * self.shares[span.column][span.levels], axis=1)
            mass = np.where(allowed.all(axis=1), 1.0, cumulative[:, -1])
            better = (mass < least) & ((allowed.sum(axis=1) == 1) | (not with_context))
            uniform = rng.random(n) * mass
            least[better] = mass[better]
            condition.span[better] = i
            level = (cumulative[better] <= uniform[better, None]).sum(axis=1)
            condition.level[better] = np.minimum(level, span.width - 1)
        return condition

    def _generate(self, condition: BatchCondition, context: Codes | None, rng: np.random.Generator) -> Codes:
        n = len(condition.span)
        codes = np.empty((n, len(self.domains)), np.int32, order="F")
        codes[:] = self.layout.constant
        if not self.layers:
            return codes
        features = self.features.of(condition, context)
        for first in range(0, n, _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            noise = rng.standard_normal((len(features[rows]), len(self.layers[0].weight)), np.float32)
            self.layout.decode(forward(self.layers, noise, features[rows]), codes[rows], rng)
        return codes

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        """Nothing: a GAN can only draw."""
        raise NotApplicable("a GAN has no likelihood; use another model where probabilities are needed")

    def effective_share(self, given: Given, *, n: int, rng: np.random.Generator, context: Codes | None = None) -> float:
        return 1.0

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        nothing: list[NDArray[np.float64]] = [np.zeros(0)]
        modes = {
            "means": np.concatenate([*(modes.means for modes in self.modes), *nothing]),
            "deviations": np.concatenate([*(modes.deviations for modes in self.modes), *nothing]),
            "shares": np.concatenate([*self.shares, *nothing]),
        }
        return {"layers": len(self.layers), "modes": [of.n for of in self.modes]}, modes | to_arrays(self.layers)

    @classmethod
    def from_state(
        cls,
        domains: tuple[Domain, ...],
        context_domains: tuple[Domain, ...],
        values: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> FittedCtgan:
        shares = _split(arrays["shares"], [domain.size for domain in domains], "shares")
        if not all(np.all((share >= 0) & (share <= 1)) and share.any() for share in shares):
            raise ValueError("shares do not fit the domains")
        means, deviations = (_split(arrays[name], values["modes"], name) for name in ("means", "deviations"))
        modes = tuple(map(Modes, means, deviations))
        layout = Outputs.of(domains, shares, modes)
        layers = from_arrays(
            arrays,
            values["layers"],
            n_features=Features(layout, context_domains).n,
            n_outputs=layout.n_outputs,
        )
        if bool(layers) != bool(layout.spans):
            raise ValueError("the layers do not fit the domains")
        return cls(domains, context_domains, shares, modes, layers)


def _split(array: NDArray[Any], sizes: Sequence[int], name: str) -> tuple[NDArray[np.float64], ...]:
    """An array as the parts that were put together. Raises ``ValueError`` where it is not as long as they."""
    if array.shape != (sum(sizes),) or not np.isfinite(array).all() or min(sizes, default=1) < 1:
        raise ValueError(f"{name} do not fit the domains")
    parts = np.split(np.asarray(array, np.float64), np.cumsum(sizes)[:-1].astype(np.int64))
    return tuple(parts) if sizes else ()
