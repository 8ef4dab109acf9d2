"""The footing on which real and synthetic records are compared, and the contract of every measure.

The known shapes of ``Metric.details``. The report draws these, and the shareable form keeps these, each by a rule of
its own; anything else stays in ``evaluation.json``.

- ``rows``: dicts that all have the same keys, worst first. The first key says what a row speaks of: ``column``,
  ``table``, ``link``, ``pair``, ``triple``, ``target``, ``model``, ``measure``, ``attack`` or ``group``. Rows that
  begin with anything else (``record``, ``level``, ``class``) are internal. ``value``, ``floor`` and ``ceiling`` put a
  row on an axis.
- ``histograms``: by ``column``, see ``metrics/coding/histograms.py``.
- ``matrices``: ``columns`` and a square of associations for ``train``, ``holdout`` and ``synthetic``.
- ``curves``: each with ``name``, ``x`` and ``y``, beside ``x_label`` and ``y_label``. Where ``x_label`` begins with
  ``false positives`` they are ROC curves and stand with the attacks.
- ``survival_curves``: ``time`` and, for ``train``, ``holdout`` and ``synthetic``, the share without the event after it;
  ``group_curves``: the same of several groups, each with its ``group``.
- ``attacks``: one dict for each attack of a suite: ``attack``, ``columns`` (words for those used), ``auc``,
  ``interval``, ``p``, ``epsilon_lower``, and its ROC curve as ``fpr`` and ``tpr``, lists of equal length.
- ``groups``, or ``rows`` that begin with ``group``: one dict for each group of patients, worst first, with the name
  (``sex=F``) under ``group``, its size in the training set under ``patients`` or ``train_patients``, and in other sets
  under the like of ``patients_holdout`` or ``holdout_patients``; the figure under ``value``, ``auc`` or ``log_ratio``;
  and ``interval`` (or ``low`` and ``high``), ``floor`` and ``ceiling`` where known. A group without a size is never
  shared.
- ``rows_by_patient``: as ``rows``, with every patient weighing the same; the shareable form shows these instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.metrics.once import Once
from synthgen.metrics.result import Metric, Verdict
from synthgen.progress import Progress, silent
from synthgen.schema.rules.expression import Column, Expression
from synthgen.schema.rules.quantity import Quantity

#: The largest number of patients that nothing published may stand for.
_FEW = 10

Side = Literal["train", "holdout"]


@dataclass(frozen=True, eq=False)
class Likelihood:
    """What a fitted model says of real records; a measure may ask, though it knows no model.

    Attributes:
        log_prob: of rows of a side, the natural logarithm of how probable the model finds each record, ``(n,)``.
        occurrences: of rows of a side, how often each record has each code of the model, ``(n, n_codes)``. Values that
            the model has no code for are in neither: they are passed over.
        columns: int64 ``(n_codes,)``, which column of codes each code is of, ascending.
    """

    log_prob: Callable[[Side, NDArray[np.int64]], NDArray[np.float64]]
    occurrences: Callable[[Side, NDArray[np.int64]], csr_array]
    columns: NDArray[np.int64]


@dataclass(frozen=True)
class Variable:
    """One column as it is compared.

    Attributes:
        kind: ``numeric`` (numbers; dates as days or seconds) or ``categorical``.
        labels: the text of each code, pooled over the training, holdout and synthetic sets, so that a code means
            the same everywhere. For a numeric variable: its text results (``neg``), coded apart from the numbers.
        ordered: whether the labels have an order.
        code: whether the labels are clinical codes (many levels, long tail).
        decimals: of a numeric variable as written, where known.
        temporal: what the numbers of a numeric variable are where they are moments: days since 1970 of a ``date``,
            seconds since 1970 of a ``datetime``, seconds since midnight of a ``time``; empty for plain numbers.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    labels: tuple[str, ...] = ()
    ordered: bool = False
    code: bool = False
    decimals: int | None = None
    temporal: Literal["", "date", "datetime", "time"] = ""


#: Beyond so many names a list of variables is cut short.
_NAMED = 12


def listed(variables: Sequence[Variable]) -> str:
    """The names of variables in a sentence; of many the first, and how many more there are."""
    names = [variable.name for variable in variables]
    return ", ".join(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


@dataclass(frozen=True)
class Records:
    """One set of records on the common footing. Every array has ``n`` entries.

    Attributes:
        patient: dense integers ``0 .. n_patients-1``; the row number where there is no patient column.
        numbers: for numeric variables, float64, NaN where the cell is missing or a text result.
        codes: for every variable, int32. Categorical: the index of the label, -1 where missing.
            Numeric: 0 where there is a number, ``1 + index of the label`` for a text result, -1 where missing.
    """

    patient: NDArray[np.int64]
    numbers: Mapping[str, NDArray[np.float64]]
    codes: Mapping[str, NDArray[np.int32]]

    @property
    def n(self) -> int:
        return len(self.patient)

    @cached_property
    def n_patients(self) -> int:
        return int(np.count_nonzero(np.bincount(self.patient)))

    def patients_at(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> int:
        """How many patients the records at ``rows`` are of."""
        return int(np.count_nonzero(np.bincount(self.patient[rows])))

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each record that lets every patient weigh 1, shape ``(n,)``."""
        return np.asarray(1.0 / np.bincount(self.patient)[self.patient]) if self.n else np.empty(0)

    @cached_property
    def effective_patients(self) -> int:
        """How many patients the *rows* stand for; all of them where each has as many rows.

        With ``e`` of them, the ten patients with most rows hold ``10 / e`` of all rows. So a share of rows of at least
        ``11 / e`` comes from eleven patients or more, which the bare number of patients does not ensure.
        """
        rows = np.sort(np.bincount(self.patient))[::-1]
        return min(self.n_patients, int(_FEW * self.n / rows[:_FEW].sum())) if self.n > 0 else 0

    @property
    def sizes(self) -> dict[str, int]:
        """What a report says of how large the set is."""
        return {"rows": self.n, "patients": self.n_patients, "effective_patients": self.effective_patients}

    def take(self, rows: NDArray[np.int64]) -> Records:
        """The records at ``rows``, patients keep their numbers."""
        return Records(
            self.patient[rows],
            {name: values[rows] for name, values in self.numbers.items()},
            {name: values[rows] for name, values in self.codes.items()},
        )


@dataclass(frozen=True)
class FollowUp:
    """Which variables tell of follow-up.

    Attributes:
        time: a numeric variable, from the beginning to the event or to the end of follow-up.
        event: categorical, or numeric where 1 says that the event happened and 0 that it did not.
        happened: the label of a categorical ``event`` that says that it happened.
    """

    time: str
    event: str
    happened: str = ""


@dataclass(frozen=True)
class Rules:
    """The rules of the config.

    Attributes:
        quantities: what each variable is in a rule.
        patient: the patient column.
    """

    rules: tuple[Expression, ...]
    quantities: Mapping[str, Quantity]
    patient: str | None = None

    @staticmethod
    def variable(column: Column) -> str:
        """The name of the variable that holds a column; ancestors' stand as in the rule, with their table."""
        return column.name if column.table is None else str(column)


@dataclass(frozen=True)
class Comparison:
    """Training, holdout and synthetic records of one table, with the same variables.

    Attributes:
        holdout: ``None`` where there is none: then whatever needs it is not assessable, never guessed.
        target: the column to predict, from the schema; ``None`` where none is declared.
        rare_below: a level seen in fewer distinct patients is rare.
        clustered: whether there is a patient column.
        groups: the columns, from the schema, by which it is asked whether everyone is served alike.
        survival: the follow-up that the schema names; ``None`` where it names none.
        constraints: the rules that the schema states on single tables; ``None`` where it states none.
        likelihood: where the generator is a model that can tell; ``None`` elsewhere. Set by ``told_by``, and not kept
            by ``dataclasses.replace``: other sets have other rows.
        once: what measures share: computed for the first that asks.
    """

    table: str
    variables: tuple[Variable, ...]
    train: Records
    holdout: Records | None
    synthetic: Records
    target: str | None = None
    rare_below: int = 5
    clustered: bool = False
    groups: tuple[str, ...] = ()
    survival: FollowUp | None = None
    constraints: Rules | None = None
    likelihood: Likelihood | None = field(default=None, init=False, repr=False, compare=False)
    once: Once = field(default_factory=Once, init=False, repr=False, compare=False)

    def told_by(self, model: Likelihood) -> Comparison:
        """The same comparison, with a model that says how probable it finds these real records."""
        made = replace(self)
        object.__setattr__(made, "likelihood", model)
        return made

    @property
    def size(self) -> int:
        """m: the number of rows at which floor, value and ceiling are all computed."""
        sizes = [self.train.n, self.synthetic.n] + ([self.holdout.n] if self.holdout is not None else [])
        return min(sizes)


class Measure(ABC):
    """One way to judge. Concrete measures are frozen dataclasses whose fields are their options.

    A measure whose verdict line compares with a limit has it as its field ``limit``; the policy of a config may set it.
    """

    #: Whether ``evaluate --quick`` runs it too.
    quick: ClassVar[bool] = True
    #: The largest limit that a policy may set: most are shares.
    highest_limit: ClassVar[float] = 1.0

    @abstractmethod
    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The figures of this measure; one with status ``not_assessable`` and a reason where it has no answer."""

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """The verdict lines that rest on these figures; none for most measures."""
        return ()
