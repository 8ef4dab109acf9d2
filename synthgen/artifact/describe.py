"""Everything that an artifact holds, in words and figures, for the person who must approve its export."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.artifact.synthesizer import UNSAFE, Synthesizer
from synthgen.encoding.base import Encoder
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.temporal import TemporalEncoder


def describe(synthesizer: Synthesizer) -> dict[str, Any]:
    """The contents as JSON values: what it is, what each column keeps, and every number of the model.

    Nothing is left out: levels, heaped values and bin bounds stand as they are, since every one of them passed the
    disclosure step when the model was fitted. ``documents`` are those of the file, word for word. The bytes of an
    unsafe model say nothing to a reader, so their digest stands for them; nothing in them is executed.
    """
    flat = synthesizer.flat
    documents, arrays = synthesizer.contents()
    config = synthesizer.schema.tables[synthesizer.table]
    return {
        "unsafe": UNSAFE if synthesizer.unsafe else None,
        "synthgen": synthesizer.versions["synthgen"],
        "versions": dict(synthesizer.versions),
        "seed": synthesizer.seed,
        "config_sha256": synthesizer.config_hash,
        "model": {"name": synthesizer.schema.model.name, **synthesizer.schema.model.options},
        "rare_below": synthesizer.schema.privacy.rare_below,
        "table": synthesizer.table,
        "patient": config.patient,
        "constant_within_patient": list(flat.constant_columns),
        "rows_per_patient": None if flat.numbers is None else flat.numbers.to_json(),
        "rules": dict(zip(config.constraints, flat.rates, strict=True)),
        "columns": {name: _column(synthesizer, name) for name in config.columns},
        "arrays": {name: _array(array) for name, array in arrays.items()},
        "documents": documents,
    }


def _array(array: NDArray[Any]) -> dict[str, Any]:
    """An array as JSON values; infinities, which JSON does not know, as texts; bytes by their digest."""
    if array.dtype == np.uint8:
        return {
            "shape": list(array.shape),
            "type": str(array.dtype),
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        }
    finite = np.isfinite(array)
    values = (array if finite.all() else np.where(finite, array.astype(object), array.astype(str))).tolist()
    return {"shape": list(array.shape), "type": str(array.dtype), "values": values}


def _column(synthesizer: Synthesizer, name: str) -> dict[str, Any]:
    codec = synthesizer.flat.codec
    column = codec.plan.config.columns[name]
    found: dict[str, Any] = {"kind": column.kind}
    if name in codec.computed:
        found["computed"] = str(codec.plan.computed[name].expression)
    if name in codec.determined:
        return found | {"determined_by": column.determined_by, "values": dict(codec.determined[name])}
    if name in codec.ids:
        return found | {"regenerated": codec.ids[name].to_json()}
    if name in codec.plan.fakes:
        return found | {"invented": "by Faker, from nothing in the data"}
    parts = [part for part in codec.encoders if part == name or part in _positions(synthesizer, name)]
    kept = [_kept(codec.encoders[part]) for part in parts]
    return found | (kept[0] if len(kept) == 1 else {"positions": kept} if kept else {"holds": "nothing"})


def _positions(synthesizer: Synthesizer, name: str) -> tuple[str, ...]:
    lists = synthesizer.flat.codec.plan.lists
    return lists[name].positions if name in lists else ()


def _kept(encoder: Encoder) -> dict[str, Any]:
    sizes = {domain.name: domain.size for domain in encoder.domains}
    return {"codes": sizes, **encoder.to_json()}


def summary(synthesizer: Synthesizer) -> list[tuple[str, str, str]]:
    """A line per column: its name, its kind, and what the artifact keeps of it."""
    lines: list[tuple[str, str, str]] = []
    codec = synthesizer.flat.codec
    for name, column in codec.plan.config.columns.items():
        encoders = [codec.encoders[part] for part in (name, *_positions(synthesizer, name)) if part in codec.encoders]
        if name in codec.determined:
            text = f"{len(codec.determined[name])} values, by {column.determined_by}"
        elif name in codec.computed:
            text = f"computed: {codec.plan.computed[name].expression}" + _tokens(_missing_of(encoders[0]))
        elif name in codec.ids:
            possible = codec.ids[name].coincidences_possible
            text = "made up anew" + (" (its space is full: coincidences are chance)" if possible else "")
        elif name in codec.plan.fakes:
            text = "invented by Faker"
        else:
            text = "; ".join(dict.fromkeys(_words(encoder) for encoder in encoders)) or "nothing"
        lines.append((name, column.kind, text))
    return lines


def _missing_of(encoder: Encoder) -> int:
    assert isinstance(encoder, LeveledEncoder)
    return len(encoder.tokens.kept)


def _words(encoder: Encoder) -> str:
    if isinstance(encoder, LeveledEncoder):
        return f"{len(encoder.levels)} levels" + _tokens(len(encoder.tokens.kept))
    if isinstance(encoder, NumericEncoder):
        quantiser = encoder.quantiser
        results = f", {len(encoder.results)} text results" if encoder.results else ""
        numbers = f"{len(quantiser.atoms)} heaped values, {len(quantiser.starts)} bins{results}"
        return numbers + _tokens(len(encoder.tokens.kept))
    assert isinstance(encoder, TemporalEncoder)
    days = encoder.days
    clock = encoder.clock
    words = [] if days is None else [f"{len(days.atoms)} heaped days, {len(days.starts)} bins of weeks, weekdays"]
    words += [] if clock is None else [f"{clock.size} times of day"]
    return ", ".join(words) + _tokens(len(encoder.tokens.kept))


def _tokens(n: int) -> str:
    return f", {n} kinds of missing" if n > 1 else ", missing" if n else ""
