"""A fitted synthesizer of several tables, and what an artifact holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.artifact.parts import MOST_ROWS, Contents, bare, reader
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.artifact.types import type_named, type_text
from synthgen.encoding.domain import Domain
from synthgen.encoding.identifier import Identifier
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.plugins import load_model
from synthgen.relational.belonging.links import Linking
from synthgen.relational.belonging.sharing import Sharing, shareable
from synthgen.relational.belonging.structure import Role, Structure
from synthgen.relational.extract import PERSONS, Extract
from synthgen.relational.fold import Additions, derived, implied, number_of, orphans_of, panel_of
from synthgen.relational.frame import FittedTable, Frame, subjects_of
from synthgen.relational.rules.real import rates_from_json, told
from synthgen.relational.time.calendar import Calendar
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.told.contexts import context_domains
from synthgen.relational.told.history import Memory
from synthgen.relational.told.panels import constituents
from synthgen.relational.told.surroundings import Surroundings
from synthgen.schema.config import Format, Schema


@dataclass(frozen=True, eq=False)
class ExtractSynthesizer(Synthesizer):
    """A synthesizer of all tables of an extract.

    Attributes:
        types: by table, the Arrow types of the columns of a typed source; none for text files.
        formats: by table, how its numbers and its file are written.
        extract: the fitted parts.
    """

    types: Mapping[str, Mapping[str, pa.DataType]]
    formats: Mapping[str, Format]
    extract: Extract

    @property
    def unsafe(self) -> bool:
        return any(table.model.unsafe for table in self.extract.tables.values())

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(
            f"{name}: {line}"
            for name, table in self.extract.tables.items()
            if table.rates
            for line in told(self.extract.configs[name].rules, table.rates)
        )

    @property
    def notes(self) -> tuple[str, ...]:
        few = self.schema.privacy.rare_below
        empty = self.extract.empty
        lines = [
            f"{name}: fewer than {few} patients have rows, too few to learn from; it comes out without any"
            for name in empty
        ]
        for name, table in self.extract.tables.items():
            if name not in empty:
                lines += bare(name or "patients", table.codec, few)
        return tuple(lines)

    @property
    def written(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of every table of the output."""
        return self.extract.written

    def try_out(self) -> None:
        for table in self.extract.tables.values():
            table.codec.try_out()

    def contents(self) -> Contents:
        arrays: dict[str, NDArray[Any]] = {}
        models: dict[str, Any] = {}
        for at, (name, table) in enumerate(self.extract.tables.items()):
            models[name], own = table.model.state()
            arrays |= {f"{at}.{key}": array for key, array in own.items()}
        references: dict[str, Any] = {}
        for at, (name, batch) in enumerate(self.extract.references.items()):
            references[name] = {"columns": list(batch.schema.names), "rows": batch.num_rows}
            for column, cells in enumerate(batch.columns):
                arrays |= _packed(f"reference.{at}.{column}", cells)
        documents = {
            "about": self.about()
            | {
                "tables": list(self.extract.configs),
                "types": {
                    name: {c: type_text(kind) for c, kind in types.items()} for name, types in self.types.items()
                },
                "formats": {name: marks.model_dump(mode="json") for name, marks in self.formats.items()},
            },
            "schema": self.schema.model_dump(mode="json"),
            "columns": {name: table.codec.to_json() for name, table in self.extract.tables.items()},
            "given": {name: _given(table) for name, table in self.extract.tables.items()},
            "extract": {
                "order": list(self.extract.tables),
                "numbers": dict(self.extract.numbers),
                "births": self.extract.births,
                "identifier": None if self.extract.identifier is None else self.extract.identifier.to_json(),
                "references": references,
            },
            "models": models,
        }
        if rates := {name: list(table.rates) for name, table in self.extract.tables.items() if table.rates}:
            documents["rules"] = {"rates": rates}
        return documents, arrays

    @classmethod
    def restore(
        cls, schema: Schema, documents: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> ExtractSynthesizer:
        """The inverse of ``contents``. Raises what damaged parts raise."""
        about, learned = documents["about"], documents["extract"]
        formats = {name: Format.model_validate(marks) for name, marks in about["formats"].items()}
        structure = Structure.of(schema)
        model = load_model(schema.model.name)
        tables: dict[str, FittedTable] = {}
        prefixes = {name: str(at) for at, name in enumerate(learned["order"])}
        read = reader(documents["models"], arrays, prefixes)
        for name in learned["order"]:
            given = documents["given"][name]
            timeline = None
            if given["timeline"] is not None:
                timeline = Timeline.from_json(schema.tables[name], formats[name], given["timeline"])
            added = Additions.from_json(given["added"])
            if name == PERSONS:
                plan = implied(added, schema.format)
            else:
                plan = derived(schema.tables[name], structure.members[name], formats[name], timeline, added)
            codec = plan.restore(documents["columns"][name])
            surroundings = None if given["surroundings"] is None else Surroundings.from_json(given["surroundings"])
            calendar = None if given["calendar"] is None else Calendar.from_json(given["calendar"])
            memory = None if given["memory"] is None else Memory.from_json(codec.domains, given["memory"])
            frame = Frame(codec, added, timeline, surroundings, calendar, memory)
            context: tuple[Domain, ...] = ()
            if surroundings is not None and memory is not None:
                context = context_domains(surroundings, calendar, memory, tables)
            fitted = read(model, name, frame.domains, context)
            rates: tuple[float | None, ...] = ()
            if name != PERSONS and schema.tables[name].constraints:
                rates = rates_from_json(documents["rules"]["rates"][name], schema.tables[name].rules)
            sharing = Sharing.from_json(given["sharing"]) if "sharing" in given else None
            tables[name] = FittedTable(codec, added, timeline, surroundings, calendar, memory, fitted, rates, sharing)
        identifier = None if learned["identifier"] is None else Identifier.from_json(learned["identifier"])
        references = {
            name: _unpacked(f"reference.{at}", kept, arrays)
            for at, (name, kept) in enumerate(learned["references"].items())
        }
        extract = Extract(
            structure=structure,
            configs=dict(schema.tables),
            tables=tables,
            references=references,
            numbers={name: int(n) for name, n in learned["numbers"].items()},
            births=learned["births"],
            identifier=identifier,
            linking=Linking(structure, dict(schema.tables), subjects_of(tables, learned["numbers"])),
        )
        _require_whole(extract)
        types = {name: {c: type_named(text) for c, text in own.items()} for name, own in about["types"].items()}
        return cls(schema, about["seed"], dict(about["versions"]), types, formats, extract)


def _require_whole(extract: Extract) -> None:
    """Raise ``ValueError`` where the parts are not those that the tables of the config need."""
    roles: dict[str, Role] = {name: member.role for name, member in extract.structure.members.items()}
    roles |= {} if extract.structure.patients else {PERSONS: "patient"}

    def of(*chosen: Role) -> set[str]:
        return {name for name, role in roles.items() if role in chosen}

    if extract.tables.keys() != of("lookup", "patient", "child") or extract.references.keys() != of("reference"):
        raise ValueError("the tables are not those of the config")
    if extract.numbers.keys() != of("lookup") or not all(0 <= n <= MOST_ROWS for n in extract.numbers.values()):
        raise ValueError("lookup tables of no possible number of rows")
    if (extract.identifier is None) != (extract.structure.patients is not None):
        raise ValueError("the patients have no ids, or two")
    for name, table in extract.tables.items():
        _require_parts(table, extract.births if roles[name] == "patient" else None, is_child=roles[name] == "child")
        order = None if table.timeline is None else table.timeline.order.name
        if roles[name] == "child" and order not in (None, extract.structure.members[name].order):
            raise ValueError("rows are ordered by another column")
        if table.sharing is not None:
            possible = shareable(extract.configs[name], extract.structure.members[name]) if name != PERSONS else ()
            if not {*table.sharing.rates} <= {*possible}:
                raise ValueError("rows share numbers that are none")


def _require_parts(table: FittedTable, births: str | None, *, is_child: bool) -> None:
    timed = table.timeline is not None
    if (table.surroundings is None, table.memory is None) != (not is_child, not is_child):
        raise ValueError("rows lack what they are given")
    if (table.calendar is not None) != (timed and is_child):
        raise ValueError("rows lack what they are given of time")
    if table.timeline is not None and table.timeline.absolute == is_child:
        raise ValueError("moments are told in another way")
    if not is_child and births != (None if table.timeline is None else table.timeline.order.name):
        raise ValueError("the births are in another column")
    for name in map(panel_of, table.added.panelled):
        encoder = table.codec.encoders[name]
        if not isinstance(encoder, LeveledEncoder):
            raise ValueError("panels are no labels")
        constituents(encoder.levels)
    numbers = (*map(number_of, table.added.children), *map(orphans_of, table.added.orphaned))
    if any(table.numeric(name).quantiser.bounds()[1].max(initial=0) > MOST_ROWS for name in numbers):
        raise ValueError("more rows than can be")


def _given(table: FittedTable) -> dict[str, Any]:
    parts = {
        "added": table.added,
        "timeline": table.timeline,
        "surroundings": table.surroundings,
        "calendar": table.calendar,
        "memory": table.memory,
    }
    given = {name: None if part is None else part.to_json() for name, part in parts.items()}
    return given if table.sharing is None else given | {"sharing": table.sharing.to_json()}


def _packed(name: str, cells: pa.DictionaryArray) -> dict[str, NDArray[Any]]:
    """A column of texts as arrays: the distinct texts as bytes, where each ends, and which stands in each row."""
    texts = [text.encode() for text in cells.dictionary.to_pylist()]
    return {
        f"{name}.bytes": np.frombuffer(b"".join(texts), np.uint8),
        f"{name}.ends": np.cumsum([len(text) for text in texts], dtype=np.int64),
        f"{name}.rows": np.asarray(cells.indices).astype(np.int32),
    }


def _unpacked(name: str, kept: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> pa.RecordBatch:
    columns = []
    for at in range(len(kept["columns"])):
        whole, ends, rows = (arrays[f"{name}.{at}.{part}"] for part in ("bytes", "ends", "rows"))
        data = whole.tobytes()
        texts = [data[start:end].decode() for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=False)]
        if len(rows) != kept["rows"] or (len(rows) and not 0 <= rows.min() <= rows.max() < len(texts)):
            raise ValueError("a reference table does not fit its texts")
        columns.append(pa.DictionaryArray.from_arrays(pa.array(rows), pa.array(texts, pa.string())))
    return pa.RecordBatch.from_arrays(columns, names=list(kept["columns"]))
