"""What the names of columns must be."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.errors import InputError


def check_names(where: str, names: Sequence[str]) -> None:
    """Refuse blank and repeated column names, told by position: in a file without a header they are cells.

    Raises:
        InputError: names every faulty column by its position, from 1.
    """
    blank = [str(i) for i, name in enumerate(names, 1) if not name.strip()]
    if blank:
        raise InputError(f"{where}: column {', '.join(blank)} of {len(names)} has no name; {_mend(blank, len(names))}")
    first = {name: i for i, name in reversed(list(enumerate(names, 1)))}
    twins = [f"{first[name]} and {i}" for i, name in enumerate(names, 1) if first[name] != i]
    if twins:
        raise InputError(f"{where}: columns {', '.join(twins)} have the same name; give each column its own")


def _mend(blank: Sequence[str], n_names: int) -> str:
    """What to do about blank names; the two commonest ways to come by one have a way out of their own."""
    if len(blank) > 1 or n_names == 1:
        return "give every column a name"
    if blank == ["1"]:
        return "give it a name, or export without the row index (in pandas: index=False)"
    if blank == [str(n_names)]:
        return "give it a name, or export without the delimiter that ends each line"
    return "give it a name"
