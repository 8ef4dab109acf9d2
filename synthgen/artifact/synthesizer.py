"""A fitted synthesizer as a value, and as a file from which nothing of a patient can be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen import plugins
from synthgen.artifact import container
from synthgen.artifact.types import type_named, type_text
from synthgen.encoding.domain import Domain
from synthgen.encoding.quantiser import Quantiser
from synthgen.errors import InputError
from synthgen.models.base import FittedModel, Model
from synthgen.models.independent import Independent
from synthgen.relational.codec import Plan
from synthgen.relational.flat import FlatSynthesizer
from synthgen.relational.person import rows_domain
from synthgen.relational.rules import rates_from_json
from synthgen.schema.config import Schema

#: What an unsafe artifact says of itself, and whoever reads it is told.
UNSAFE: Final = "holds training rows, and executes code when it is loaded"


@dataclass(frozen=True, eq=False)
class Synthesizer:
    """Everything that ``fit`` learned and ``sample`` needs.

    Attributes:
        schema: the config it was fitted with, model and options included.
        table: the name of the table.
        types: Arrow types of the columns of a typed source, for Parquet output; empty for text files.
        seed: of the fit.
        versions: of synthgen and of the libraries that shape the result.
        flat: the fitted parts.
    """

    schema: Schema
    table: str
    types: Mapping[str, pa.DataType]
    seed: int
    versions: Mapping[str, str]
    flat: FlatSynthesizer

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the output."""
        return self.flat.codec.plan.written

    @property
    def unsafe(self) -> bool:
        """Whether the artifact holds training rows, and executes code when its model is brought back."""
        return self.flat.rows.unsafe

    @property
    def config_hash(self) -> str:
        """SHA-256 of the config in canonical form; not of the data."""
        canonical = json.dumps(self.schema.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the artifact whole or not at all; the same synthesizer gives the same bytes."""
        container.write(path, *self.contents())

    def contents(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The JSON documents and the arrays of the artifact: all that it holds."""
        flat = self.flat
        parts: dict[str, FittedModel] = {"rows": flat.rows} | ({} if flat.person is None else {"person": flat.person})
        arrays: dict[str, NDArray[Any]] = {}
        models: dict[str, Any] = {}
        for part, model in parts.items():
            models[part], own = model.state()
            arrays |= {f"{part}.{name}": array for name, array in own.items()}
        documents: dict[str, Any] = {
            "about": {
                "synthgen": self.versions["synthgen"],
                "versions": dict(self.versions),
                "seed": self.seed,
                "table": self.table,
                "config_sha256": self.config_hash,
                "types": {name: type_text(kind) for name, kind in self.types.items()},
            }
            | ({"unsafe": UNSAFE} if self.unsafe else {}),
            "schema": self.schema.model_dump(mode="json"),
            "columns": flat.codec.to_json(),
            "persons": {
                "columns": list(flat.personal),
                "rows": None if flat.numbers is None else flat.numbers.to_json(),
            },
            "models": models,
        } | ({"rules": {"rates": list(flat.rates)}} if flat.rates else {})
        return documents, arrays

    @classmethod
    def load(cls, path: Path, *, trust: bool = False) -> Synthesizer:
        """Read an artifact in order to sample from it.

        Args:
            trust: whether the user vouches for the file, which an unsafe one needs.

        Raises:
            InputError: the file is missing, damaged, foreign, hostile, or of a newer synthgen; or it is unsafe and
                not trusted.
        """
        found = cls.look(path)
        if found.unsafe and not trust:
            raise InputError(
                f"{path}: this {found.schema.model.name} model {UNSAFE}; if you know who made it and trust them, "
                "give --trust (trust=True in Python)"
            )
        return found

    @classmethod
    def look(cls, path: Path) -> Synthesizer:
        """Read an artifact in order to look at it: nothing in it is executed, unless rows are sampled.

        Raises:
            InputError: the file is missing, damaged, foreign, hostile, or of a newer synthgen.
        """
        documents, arrays = container.read(path)
        try:
            _require_model(documents["schema"]["model"]["name"])
            found = _restored(documents, arrays)
            _require_same(found.contents(), (documents, arrays))
            found.flat.codec.try_out()
        except _Absent as absent:
            raise InputError(f"{path}: was made by a model that is not installed here; {absent}") from None
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, NotImplementedError) as error:
            raise InputError(
                f"{path}: the parts of this model contradict each other ({type(error).__name__}); "
                "fit it again, or ask its sender for a whole copy"
            ) from error
        return found


class _Absent(Exception):
    """The model that made the artifact is not installed; the text says what to do."""


def _require_model(name: Any) -> None:
    if isinstance(name, str) and name not in plugins.models():
        raise _Absent(f"install the package that provides {ascii(name)[:60]}, or fit again with another model")


def _require_same(
    written: tuple[dict[str, Any], dict[str, NDArray[Any]]], read: tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]
) -> None:
    """Raise ``ValueError`` where a file holds what was not understood, so that nothing in it escapes ``inspect``."""
    if written[0] != read[0]:
        raise ValueError("the documents hold more, less or other things than were understood")
    if written[1].keys() != read[1].keys():
        raise ValueError("the arrays are not those of the model")
    for name, array in written[1].items():
        if array.dtype != read[1][name].dtype or not np.array_equal(array, read[1][name]):
            raise ValueError("an array holds other things than were understood")


def _restored(documents: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Synthesizer:
    about, persons = documents["about"], documents["persons"]
    schema = Schema.model_validate(documents["schema"])
    config = schema.tables[about["table"]]
    codec = Plan(config, schema.format).restore(documents["columns"])
    personal = tuple(persons["columns"])
    if sorted(set(personal)) != list(personal) or not set(personal) <= set(range(len(codec.domains))):
        raise ValueError("the patients' columns are not columns of the table")
    if (config.patient is None) != (persons["rows"] is None):
        raise ValueError("patients without numbers of rows, or the other way round")
    rest = tuple(codec.domains[i] for i in range(len(codec.domains)) if i not in set(personal))
    model: type[Model] = plugins.load_model(schema.model.name)
    restore = _reader(documents["models"], arrays)
    numbers = None if persons["rows"] is None else Quantiser.from_json(persons["rows"])
    person = None
    own: tuple[Domain, ...] = ()
    if numbers is not None:
        own = (*(codec.domains[i] for i in personal), rows_domain(numbers))
        person = restore(model if model.conditional else Independent, "person", own, ())
    rows = restore(model, "rows", rest, own if model.conditional else ())
    rates = rates_from_json(documents["rules"]["rates"], config.rules) if config.constraints else ()
    flat = FlatSynthesizer(codec, person, personal, numbers, rows, rates)
    types = {name: type_named(text) for name, text in about["types"].items()}
    versions = dict(about["versions"])
    if not all(isinstance(text, str) for text in versions.values()) or not isinstance(about["seed"], int):
        raise ValueError("the seed is no number or a version no text")
    return Synthesizer(schema, about["table"], types, about["seed"], versions, flat)


def _reader(
    values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> Callable[[type[Model], str, tuple[Domain, ...], tuple[Domain, ...]], FittedModel]:
    """What restores one part, which a model of some class made."""

    def restore(model: type[Model], part: str, domains: tuple[Domain, ...], context: tuple[Domain, ...]) -> FittedModel:
        own = {key.removeprefix(f"{part}."): array for key, array in arrays.items() if key.startswith(f"{part}.")}
        for array in own.values():
            if array.dtype.kind == "f" and not np.isfinite(array[~np.isinf(array)]).all():
                raise ValueError("not a number in an array")
        return model.fitted().from_state(domains, context, values[part], own)

    return restore
