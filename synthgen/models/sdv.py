"""SDV's own single-table models behind the contract: for users who want exactly those, and as peers.

SDV sees the codes that every model sees, as columns of its own kinds: nominal codes as categories, ordered codes as
ordinals, numeric codes as numbers at their positions. SDV generates missing numbers at random, whatever the other
columns are; so that nothing of what is missing is lost, a numeric column with special codes (missing, text results) has
a category beside it that says which of them a row has, if any. What is generated is the nearest code that was seen.

SDV's models cannot be given context, and with conditions they draw until one is met. A fitted one is SDV's own object,
which holds training rows and comes back by unpickling only (unsafe).

Sources: Patki, Wedge and Veeramachaneni 2016 (SDV, Gaussian copula); Xu et al. 2019 (CTGAN, TVAE).
"""

from __future__ import annotations

import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.errors import NotApplicable, SynthgenError
from synthgen.models._possible import require_possible
from synthgen.models._rejection import draw_until_met
from synthgen.models.base import RARE_BELOW, Codes, CodeSource, FittedModel, Given, Model
from synthgen.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd

_TABLE: Final = "table"
#: In the category beside a numeric column: the row has a number.
_A_NUMBER: Final = "number"
#: SDV seeds and restores the global generators of numpy and torch: two threads at once would mix them.
_ONE_AT_A_TIME: Final = Lock()


class _Sdv(Model):
    """What the three models share; their options go to SDV by the names that SDV gives them.

    Attributes:
        synthesizer: the class in ``sdv.single_table``.
    """

    conditional: ClassVar[bool] = False
    synthesizer: ClassVar[str]

    @staticmethod
    def fitted() -> type[FittedSdv]:
        return FittedSdv

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
    ) -> FittedSdv:
        """Fit SDV's model to all rows alike; it knows neither whose they are nor when to stop.

        Raises:
            NotApplicable: there is context, a weight, or no row.
            SynthgenError: SDV is not installed.
        """
        if context is not None or weights is not None:
            raise NotApplicable("SDV's models can be given neither context nor weights")
        if not source.n_rows:
            raise NotApplicable("SDV's models need a row to learn from")
        codes = np.concatenate(list(source))
        columns = tuple(
            _Column(f"c{at}", domain, _seen(domain, codes[:, at])) for at, domain in enumerate(source.domains)
        )
        if not columns:
            return FittedSdv(source.domains, (), (), np.empty(0, np.uint8), "")
        progress(f"fitting SDV's {self.synthesizer}", 0.0)
        with _quietly(rng):
            import cloudpickle
            import pandas as pd
            from sdv import single_table
            from sdv.metadata import Metadata

            cells = [column.to_sdv(codes[:, at], rng) for at, column in enumerate(columns)]
            kinds = {name: {"sdtype": kind} for column in columns for name, kind in column.kinds.items()}
            metadata = Metadata.load_from_dict({"tables": {_TABLE: {"columns": kinds}}})
            synthesizer = getattr(single_table, self.synthesizer)(metadata, **vars(self))
            synthesizer.fit({_TABLE: pd.DataFrame({name: cell for own in cells for name, cell in own.items()})})
            pickled = np.frombuffer(cloudpickle.dumps(synthesizer), np.uint8)
        return FittedSdv(source.domains, (), columns, pickled, version("sdv"))


@dataclass(frozen=True)
class SdvCopula(_Sdv):
    """SDV's ``GaussianCopulaSynthesizer``.

    Attributes:
        default_distribution: the family of every numeric marginal.
    """

    synthesizer: ClassVar[str] = "GaussianCopulaSynthesizer"

    default_distribution: Literal["norm", "beta", "truncnorm", "uniform", "gamma", "gaussian_kde"] = "beta"


@dataclass(frozen=True)
class SdvCtgan(_Sdv):
    """SDV's ``CTGANSynthesizer``.

    Attributes:
        epochs: passes over the rows.
        batch_size: rows a step, a multiple of ten (the critic judges ten rows together).
    """

    synthesizer: ClassVar[str] = "CTGANSynthesizer"

    epochs: int = 300
    batch_size: int = 500

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs: found {self.epochs}; expected at least 1")
        if self.batch_size < 10 or self.batch_size % 10:
            raise ValueError(f"batch_size: found {self.batch_size}; expected a multiple of 10")


@dataclass(frozen=True)
class SdvTvae(_Sdv):
    """SDV's ``TVAESynthesizer``.

    Attributes:
        epochs: passes over the rows.
        batch_size: rows a step.
    """

    synthesizer: ClassVar[str] = "TVAESynthesizer"

    epochs: int = 300
    batch_size: int = 500

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}; expected at least 1")


@dataclass(frozen=True, eq=False)
class FittedSdv(FittedModel):
    """SDV's object as bytes, which are believed (unpickled) no sooner than the first row is drawn.

    Attributes:
        columns: one per domain.
        pickled: uint8, what ``cloudpickle`` made of the object; empty where there is no column.
        made_with: the version of SDV.
    """

    likelihood: ClassVar[bool] = False
    unsafe: ClassVar[bool] = True

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]
    columns: tuple[_Column, ...]
    pickled: NDArray[np.uint8]
    made_with: str

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        given = given or {}
        require_possible(given, [column.seen for column in self.columns], self.domains, n)
        if n == 0 or not self.columns:
            return np.zeros((n, len(self.domains)), np.int32, order="F")
        return draw_until_met(lambda rows: self._drawn(len(rows), rng), n, given, self.domains, rng)

    def _drawn(self, n: int, rng: np.random.Generator) -> Codes:
        with _quietly(rng) as seed:
            # SDV draws the same rows after every fit; the generator behind its model has no public name.
            self._synthesizer._set_random_state(seed)
            frame = self._synthesizer.sample(n)[_TABLE]
        codes = np.empty((n, len(self.columns)), np.int32, order="F")
        for at, column in enumerate(self.columns):
            codes[:, at] = column.from_sdv(frame)
        return codes

    @cached_property
    def _synthesizer(self) -> Any:
        """SDV's object; call it where all is quiet.

        Raises:
            SynthgenError: it does not come back, as with another version of SDV.
        """
        import cloudpickle

        try:
            return cloudpickle.loads(self.pickled.tobytes())
        except Exception as error:  # a pickle runs code of others, which may raise anything
            raise SynthgenError(
                f"SDV's model does not come back ({type(error).__name__}): it was made with SDV {self.made_with}, "
                f"and {version('sdv')} is installed; install that version, or fit again"
            ) from error

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        raise NotApplicable("SDV's models have no likelihood of codes")

    def effective_share(self, given: Given, *, n: int, rng: np.random.Generator, context: Codes | None = None) -> float:
        return 1.0

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        seen = np.concatenate([*(column.seen for column in self.columns), np.zeros(0, bool)])
        return {"sdv": self.made_with, "bytes": len(self.pickled)}, {"pickled": self.pickled, "seen": seen}

    @classmethod
    def from_state(
        cls,
        domains: tuple[Domain, ...],
        context_domains: tuple[Domain, ...],
        values: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> FittedSdv:
        sizes = [domain.size for domain in domains]
        pickled, seen = arrays["pickled"], arrays["seen"]
        if context_domains or seen.shape != (sum(sizes),) or seen.dtype != bool:
            raise ValueError("the codes seen do not fit the domains")
        if pickled.dtype != np.uint8 or pickled.shape != (values["bytes"],) or not isinstance(values["sdv"], str):
            raise ValueError("SDV's object is not whole")
        each = np.split(seen, np.cumsum(sizes)[:-1]) if sizes else []
        columns = tuple(_Column(f"c{at}", domain, each[at]) for at, domain in enumerate(domains))
        return cls(domains, (), columns, pickled, values["sdv"])


@dataclass(frozen=True, eq=False)
class _Column:
    """How a code column becomes a column of SDV, or a number and a category, and back.

    Attributes:
        name: of the column of SDV.
        seen: bool ``(domain.size,)``, which codes occurred in training; no other is ever generated.
    """

    name: str
    domain: Domain
    seen: NDArray[np.bool_]

    @cached_property
    def numbers(self) -> NDArray[np.int32]:
        """The codes that are numbers to SDV, in the order of their positions."""
        if self.domain.scale is not Scale.NUMERIC:
            return np.empty(0, np.int32)
        regular = self.seen.copy()
        regular[list(self.domain.special)] = False
        codes = np.flatnonzero(regular)
        return codes[np.argsort(self._positions[codes], kind="stable")].astype(np.int32)

    @property
    def _positions(self) -> NDArray[np.float64]:
        return np.array(self.domain.positions, np.float64)

    @property
    def _reason(self) -> str | None:
        """The category beside the number; ``None`` where every cell is a number."""
        return f"{self.name}.reason" if np.count_nonzero(self.seen) > len(self.numbers) else None

    @property
    def kinds(self) -> dict[str, str]:
        """SDV's kind of each column of SDV."""
        if not len(self.numbers):
            return {self.name: "ordinal" if self.domain.scale is Scale.ORDERED else "categorical"}
        number = {self.name: "numerical"}
        return number if self._reason is None else number | {self._reason: "categorical"}

    def to_sdv(self, codes: NDArray[np.int32], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """The cells. What was not observed, and the numbers of cells without one, are drawn from those that are there.

        So no cell is empty, and SDV has none to generate at random.
        """
        codes = _filled(codes, codes != UNOBSERVED, rng, np.flatnonzero(self.seen))
        if not len(self.numbers):
            return {self.name: codes if self.domain.scale is Scale.ORDERED else _texts(self.domain)[codes]}
        is_number = np.isin(codes, self.numbers)
        cells = {self.name: self._positions[_filled(codes, is_number, rng, self.numbers)]}
        if self._reason is not None:
            cells[self._reason] = np.where(is_number, _A_NUMBER, _texts(self.domain)[codes])
        return cells

    def from_sdv(self, frame: pd.DataFrame) -> NDArray[np.int32]:
        """The codes of the cells: a number becomes the nearest code that was seen."""
        cells = frame[self.name].to_numpy()
        if not len(self.numbers):
            return cells.astype(np.int32)
        if not np.isfinite(cells.astype(np.float64)).all():
            raise SynthgenError(f"SDV generated a number of {self.domain.owner} that is none; fit with another model")
        positions = self._positions[self.numbers]
        codes = self.numbers[np.searchsorted((positions[1:] + positions[:-1]) / 2, cells.astype(np.float64))]
        if self._reason is None:
            return codes
        reasons = frame[self._reason].to_numpy()
        without = reasons != _A_NUMBER
        codes[without] = reasons[without].astype(np.int32)
        return codes


def _seen(domain: Domain, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which codes occur; where none was ever observed, missing counts as what occurs, else the first code."""
    seen = np.bincount(codes + 1, minlength=domain.size + 1)[1:] > 0
    if not seen.any():
        seen[domain.missing[0] if domain.missing else 0] = True
    return np.asarray(seen)


def _filled(
    codes: NDArray[np.int32], there: NDArray[np.bool_], rng: np.random.Generator, otherwise: NDArray[Any]
) -> NDArray[np.int32]:
    """The codes with draws from those that are there in the place of the others; ``otherwise`` where none is there."""
    filled = codes.copy()
    filled[~there] = rng.choice(codes[there] if there.any() else otherwise, np.count_nonzero(~there))
    return filled


def _texts(domain: Domain) -> NDArray[Any]:
    """Codes as texts, which SDV takes for names."""
    return np.array([str(code) for code in range(domain.size)], object)


@contextmanager
def _quietly(rng: np.random.Generator) -> Iterator[int]:
    """SDV seeded, alone, and quiet: its warnings, logs and prints go nowhere, and its config file does not stay.

    Yields the seed of the global generators, which are as before afterwards.

    Raises:
        SynthgenError: SDV is not installed.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logged = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            _import()
            with _seeded(rng) as seed:
                yield seed
        finally:
            logging.disable(logged)


def _import() -> None:
    """SDV, imported, which takes seconds.

    It then writes the settings of its log into the user's folder for application data; here they go with a temporary
    folder.
    """
    if sys.modules.get("sdv.single_table") is not None:
        return
    try:
        import platformdirs

        with (
            tempfile.TemporaryDirectory(prefix="synthgen-") as folder,
            patch.object(platformdirs, "user_data_dir", return_value=folder),
        ):
            import sdv.single_table  # noqa: F401
    except ModuleNotFoundError as error:
        raise SynthgenError(
            f"the sdv models need the package {error.name}, which is not installed; "
            'install SDV (pip install "sdv>=2,<3"), or choose another model'
        ) from error


@contextmanager
def _seeded(rng: np.random.Generator) -> Iterator[int]:
    import torch

    seed = int(rng.integers(2**31))
    before = np.random.get_state()  # noqa: NPY002 - SDV draws from the global generator
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield seed
        finally:
            np.random.set_state(before)  # noqa: NPY002
