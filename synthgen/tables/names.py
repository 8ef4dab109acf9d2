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
        mend = "give every column a name"
        if blank == ["1"]:
            mend = "if it is an index that pandas wrote, write the file again with index=False; else give it a name"
        raise InputError(f"{where}: column {', '.join(blank)} of {len(names)} has no name; {mend}")
    first = {name: i for i, name in reversed(list(enumerate(names, 1)))}
    twins = [f"{first[name]} and {i}" for i, name in enumerate(names, 1) if first[name] != i]
    if twins:
        raise InputError(f"{where}: columns {', '.join(twins)} have the same name; give each column its own")
