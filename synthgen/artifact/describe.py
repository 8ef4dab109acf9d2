"""Everything that an artifact holds, in words and figures, for the person who must approve its export."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.ordered import OrderedSynthesizer
from synthgen.artifact.synthesizer import UNSAFE, Synthesizer
from synthgen.artifact.table import TableSynthesizer
from synthgen.encoding.base import Encoder
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.per_unit import PerUnitEncoder
from synthgen.encoding.since import DAY, SinceEncoder
from synthgen.encoding.temporal import TemporalEncoder
from synthgen.encoding.until import UntilEncoder
from synthgen.relational.codec import Codec


def describe(synthesizer: Synthesizer) -> dict[str, Any]:
    """The contents as JSON values: what it is, what each column keeps, and every number of the model.

    Nothing is left out: levels, heaped values and bin bounds stand as they are, since every one of them passed the
    disclosure step when the model was fitted, and every cell of the reference tables, which are kept as they are.
    ``documents`` are those of the file, word for word. The bytes of an unsafe model say nothing to a reader, so their
    digest stands for them; nothing in them is executed.
    """
    documents, arrays = synthesizer.contents()
    return {
        "unsafe": UNSAFE if synthesizer.unsafe else None,
        "synthgen": synthesizer.versions["synthgen"],
        "versions": dict(synthesizer.versions),
        "seed": synthesizer.seed,
        "config_sha256": synthesizer.config_hash,
        "model": {"name": synthesizer.schema.model.name, **synthesizer.schema.model.options},
        "rare_below": synthesizer.schema.privacy.rare_below,
        **_tables(synthesizer),
        "arrays": {name: _array(array) for name, array in arrays.items()},
        "documents": documents,
    }


def _tables(synthesizer: Synthesizer) -> dict[str, Any]:
    if isinstance(synthesizer, ExtractSynthesizer):
        tables = synthesizer.extract.tables
        return {
            "tables": {name: {"columns": _columns(table.codec)} for name, table in tables.items()},
            "kept_as_they_are": {name: rows.to_pydict() for name, rows in synthesizer.extract.references.items()},
        }
    if isinstance(synthesizer, OrderedSynthesizer):
        return {
            "table": synthesizer.table,
            "patient": synthesizer.config.patient,
            "constant_within_patient": list(synthesizer.apart.personal),
            **_tables(synthesizer.inner),
        }
    assert isinstance(synthesizer, TableSynthesizer)
    flat = synthesizer.flat
    return {
        "table": synthesizer.table,
        "patient": synthesizer.schema.tables[synthesizer.table].patient,
        "constant_within_patient": list(flat.constant_columns),
        "rows_per_patient": None if flat.numbers is None else flat.numbers.to_json(),
        "rules": dict(zip(synthesizer.schema.tables[synthesizer.table].constraints, flat.rates, strict=True)),
        "columns": _columns(flat.codec),
    }


def _columns(codec: Codec) -> dict[str, Any]:
    return {name: _column(codec, name) for name in codec.plan.config.columns if name not in codec.plan.elsewhere}


def _array(array: NDArray[Any]) -> dict[str, Any]:
    """An array as JSON values; infinities, which JSON does not know, as texts; bytes by their digest.

    Bytes are those of an unsafe model, or of the texts of a reference table, which are shown as texts.
    """
    if array.dtype == np.uint8:
        return {
            "shape": list(array.shape),
            "type": str(array.dtype),
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        }
    finite = np.isfinite(array)
    values = (array if finite.all() else np.where(finite, array.astype(object), array.astype(str))).tolist()
    return {"shape": list(array.shape), "type": str(array.dtype), "values": values}


def _column(codec: Codec, name: str) -> dict[str, Any]:
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
    kept = [_kept(codec.encoders[part]) for part in _parts(codec, name)]
    return found | (kept[0] if len(kept) == 1 else {"positions": kept} if kept else {"holds": "nothing"})


def _parts(codec: Codec, name: str) -> list[str]:
    """The encoders of a column: its own, or those of the positions of a list of codes."""
    positions = codec.plan.lists[name].positions if name in codec.plan.lists else ()
    return [part for part in (name, *positions) if part in codec.encoders]


def _kept(encoder: Encoder) -> dict[str, Any]:
    sizes = {domain.name: domain.size for domain in encoder.domains}
    return {"codes": sizes, **encoder.to_json()}


def summary(synthesizer: Synthesizer) -> list[tuple[str, str, str]]:
    """A line per column: its name, its kind, and what the artifact keeps of it."""
    if isinstance(synthesizer, OrderedSynthesizer):
        return summary(synthesizer.inner)
    if isinstance(synthesizer, ExtractSynthesizer):
        tables = {name or "(patients)": table.codec for name, table in synthesizer.extract.tables.items()}
        lines = [(f"{name}.{line[0]}", *line[1:]) for name, codec in tables.items() for line in _lines(codec)]
        return lines + [(name, "reference", "kept as it is") for name in synthesizer.extract.references]
    assert isinstance(synthesizer, TableSynthesizer)
    return _lines(synthesizer.flat.codec)


def _lines(codec: Codec) -> list[tuple[str, str, str]]:
    lines: list[tuple[str, str, str]] = []
    for name, column in codec.plan.config.columns.items():
        if name in codec.plan.elsewhere:
            continue
        if name in codec.determined:
            text = f"{_count(len(codec.determined[name]), 'value')}, by {column.determined_by}"
        elif name in codec.computed:
            text = f"computed: {codec.plan.computed[name].expression}" + _tokens(_missing_of(codec.encoders[name]))
        elif name in codec.ids:
            possible = codec.ids[name].coincidences_possible
            text = "made up anew" + (" (its space is full: coincidences are chance)" if possible else "")
        elif name in codec.plan.fakes:
            text = "invented by Faker"
        else:
            words = dict.fromkeys(_words(codec.encoders[part]) for part in _parts(codec, name))
            text = "; ".join(words) or "nothing"
        lines.append((name, column.kind, text))
    return lines


def _missing_of(encoder: Encoder) -> int:
    assert isinstance(encoder, LeveledEncoder)
    return len(encoder.tokens.kept)


def _words(encoder: Encoder) -> str:
    if isinstance(encoder, LeveledEncoder):
        return _count(len(encoder.levels), "level") + _tokens(len(encoder.tokens.kept))
    if isinstance(encoder, NumericEncoder):
        quantiser = encoder.quantiser
        found = [_count(len(quantiser.atoms), "heaped value"), _count(len(quantiser.starts), "bin")]
        found += [_count(len(encoder.results), "text result")] if encoder.results else []
        return ", ".join(found) + _tokens(len(encoder.tokens.kept))
    if isinstance(encoder, PerUnitEncoder):
        others = _words(encoder.others)
        return f"bins of their own for {len(encoder.units)} values of {encoder.kind.column.unit_of}; of others {others}"
    if isinstance(encoder, SinceEncoder):
        since = encoder.kind.since
        unit = "days" if since.unit == DAY else "moments"
        times = "" if encoder.clock is None else f"; {_words(encoder.clock)}"
        return f"{unit} since {since.earlier}: {_words(encoder.wait)}{times}"
    if isinstance(encoder, UntilEncoder):
        end = np.datetime64(encoder.kind.until.end, "D")
        return f"days since {encoder.kind.until.start}, many until {end}: {_words(encoder.length)}"
    assert isinstance(encoder, TemporalEncoder)
    days = encoder.days
    clock = encoder.clock
    words: list[str] = []
    if days is not None:
        words += [_count(len(days.atoms), "heaped day"), f"{_count(len(days.starts), 'bin')} of weeks", "weekdays"]
    words += [] if clock is None else [f"{clock.size} times of day"]
    words += [f"{len(encoder.forms)} ways to write it"] if len(encoder.forms) > 1 else []
    return ", ".join(words) + _tokens(len(encoder.tokens.kept))


def _count(n: int, what: str) -> str:
    """So many of something: ``1 bin``, ``2 bins``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _tokens(n: int) -> str:
    return f", {n} kinds of missing" if n > 1 else ", missing" if n else ""
