"""Rules that the rows of one table obey, proposed as its constraints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from synthgen.inference.header import Header
from synthgen.inference.missing import Missing
from synthgen.inference.sequences import find_successions, last_day
from synthgen.inference.sexes import rules_of_sexes
from synthgen.inference.skips import find_skips
from synthgen.inference.values import Values
from synthgen.inference.wording import percent
from synthgen.reshape.operands import Operand
from synthgen.schema.column import (
    Boolean,
    Category,
    Code,
    Computable,
    Constant,
    Date,
    Datetime,
    Fake,
    Id,
    Ordinal,
    Text,
)
from synthgen.schema.config import Format
from synthgen.schema.rules.expression import Column as Reference
from synthgen.schema.rules.expression import Compare, columns_of
from synthgen.schema.rules.expression import Text as Written
from synthgen.schema.rules.grammar import parse
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Table

_SEXES: Final = (Category, Boolean)
_LABELS: Final = (Category, Ordinal, Boolean)
#: Coding systems of which it is known what only one sex can have.
_SYSTEMS: Final = ("icd10", "sks")


@dataclass(frozen=True)
class Obeyed:
    """A rule, or some that belong together, and what to tell of it."""

    rules: tuple[str, ...]
    told: str


@dataclass(frozen=True)
class Seen:
    """A table as far as it is known when its rules are looked for.

    Attributes:
        config: the columns, without rules.
        format: the dialect of its file, with the marks that its numbers need.
        everything: the distinct texts of each column.
    """

    table: Table
    config: TableConfig
    format: Format
    headers: Mapping[str, Header]
    everything: Mapping[str, Values]
    missing: Missing
    rare_below: int

    def there(self, name: str) -> Values:
        """The texts of a column that do not mean missing."""
        everything = self.everything[name]
        return everything.take(~everything.among(self.missing.tokens(name)))

    def operand(self, name: str) -> Operand:
        """How a column is read in a rule."""
        return Operand.of(self.config, name, self.format)


def find_obeyed(seen: Seen, *, alone: bool) -> list[Obeyed]:
    """The rules of a table.

    Args:
        alone: whether it is the only table; of several, what follows from a patient's sex or from where data end is
            not to be seen in one.
    """
    found = [*_successions(seen), *_skips(seen)]
    return [*found, *_sexes(seen), *_ends(seen)] if alone else found


def _successions(seen: Seen) -> Iterator[Obeyed]:
    """Dates that other dates hardly ever precede."""
    columns = seen.config.columns
    days = [name for name, of in columns.items() if isinstance(of, Date | Datetime) and of.determined_by is None]
    operands, held = {name: seen.operand(name) for name in days}, {name: seen.everything[name] for name in days}
    for each in find_successions(seen.table, seen.table.columns, operands, held):
        # A stay of so many days ends after it began by how its end is computed.
        if each.earlier not in _operands_of(seen.config, each.later):
            told = f"`{each.later}` is not before `{each.earlier}` in {percent(each.share)} of the rows that have both"
            yield Obeyed((each.rule,), f"{told}; kept so by `constraints`")


def _skips(seen: Seen) -> Iterator[Obeyed]:
    """Columns that are there by what another says."""
    columns = seen.config.columns
    own = {name: of for name, of in columns.items() if of.determined_by is None and not isinstance(of, Id | Constant)}
    single = {name: of for name, of in own.items() if not (isinstance(of, Code) and of.separator is not None)}
    tokens = {
        name: seen.missing.tokens(name)
        for name, of in single.items()
        if not isinstance(of, Text | Fake) and seen.everything[name].rows
    }
    tokens = {name: of for name, of in tokens.items() if seen.everything[name].among(of).any()}
    labelled = {name: seen.there(name) for name, of in own.items() if isinstance(of, _LABELS)}
    for skip in find_skips(seen.table, seen.table.columns, tokens, labelled, seen.rare_below):
        told = f"`{skip.column}` is there where `{skip.by}` is {', '.join(skip.labels)}, and nowhere else"
        yield Obeyed(tuple(skip.rules), f"{told}; kept so by `constraints`")


def _sexes(seen: Seen) -> Iterator[Obeyed]:
    """Diagnoses that imply a sex."""
    columns = seen.config.columns
    sexes = [name for name, header in seen.headers.items() if header.is_sex and isinstance(columns[name], _SEXES)]
    diagnoses = {
        name: of.system
        for name, of in columns.items()
        if isinstance(of, Code) and of.system in _SYSTEMS and of.separator is None
    }
    if not sexes or not diagnoses:
        return
    held = {name: seen.there(name) for name in (sexes[0], *diagnoses)}
    for those in rules_of_sexes(seen.table, seen.table.columns, sexes[0], diagnoses, held, seen.rare_below):
        told = f"codes of `{those.column}` that only one sex can have imply `{those.implied}` in {percent(those.share)}"
        yield Obeyed((those.rule,), f"{told} of the rows with them; kept so by `constraints`")


def _ends(seen: Seen) -> Iterator[Obeyed]:
    """Of computed days the last, where the data end with it: of learned ones it is the last that is learned."""
    for name in [name for name, of in seen.config.columns.items() if isinstance(of, Date) and of.computed]:
        if (day := last_day(seen.operand(name), seen.there(name), seen.rare_below)) is not None:
            told = f"many rows have the last day of all in `{name}`, as where data end; kept so by `constraints`"
            yield Obeyed((str(Compare("<=", Reference(name), Written(day))),), told)


def _operands_of(config: TableConfig, name: str) -> set[str]:
    """The columns that one is computed from; none where it is not."""
    column = config.columns[name]
    computed = column.computed if isinstance(column, Computable) else None
    return set() if computed is None else {each.name for each in columns_of(parse(computed))}
