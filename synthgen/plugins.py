"""Models and measures by name: one file each, or an entry point of another package; and presets of layouts."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from synthgen.errors import InputError, SynthgenError

_HERE = Path(__file__).parent
_FAMILIES = ("fidelity", "utility", "privacy", "fairness")
#: Files that supply several models: the class of each by the model's name, so that listing them imports nothing.
_SEVERAL: Mapping[str, Mapping[str, str]] = {
    "sdv": {"sdv-copula": "SdvCopula", "sdv-ctgan": "SdvCtgan", "sdv-tvae": "SdvTvae"},
}


@dataclass(frozen=True)
class Reference:
    """A class that is imported only when it is needed.

    Attributes:
        module: the dotted name of the module.
        attribute: the class in it; empty where the module defines exactly one concrete class of its kind.
    """

    module: str
    attribute: str = ""

    def load(self, contract: str) -> type[Any]:
        """Import the class.

        Args:
            contract: ``module:Class`` of the abstract class that it must derive from.

        Raises:
            SynthgenError: a package that the class needs is not installed, or there is no such class.
        """
        base = _attribute(*contract.split(":"))
        try:
            module = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            raise SynthgenError(f"{self.module} needs the package {error.name}; install it with pip") from error
        if self.attribute:
            found = [getattr(module, self.attribute, None)]
        else:
            found = [member for member in vars(module).values() if getattr(member, "__module__", "") == self.module]
        concrete = [
            member
            for member in found
            if inspect.isclass(member) and issubclass(member, base) and not inspect.isabstract(member)
        ]
        if len(concrete) != 1:
            raise SynthgenError(
                f"{self.module} defines {len(concrete)} concrete {base.__name__} classes; it must define one"
            )
        return concrete[0]


@cache
def models() -> Mapping[str, Reference]:
    """The known models by name, sorted; none is imported."""
    own = {
        name: Reference(f"synthgen.models.{module}", attribute)
        for module in _modules("models")
        for name, attribute in _SEVERAL.get(module, {module.replace("_", "-"): ""}).items()
    }
    return dict(sorted((_entry_points("synthgen.models") | own).items()))


@cache
def metrics() -> Mapping[str, Reference]:
    """The known measures by name, in the order of the families; none is imported."""
    own = {
        name: Reference(f"synthgen.metrics.{family}.{name}")
        for family in _FAMILIES
        for name in _modules(f"metrics/{family}")
    }
    return own | {name: found for name, found in _entry_points("synthgen.metrics").items() if name not in own}


@cache
def relational_metrics() -> Mapping[str, Reference]:
    """The known measures of several tables and of time by name; none is imported."""
    return {name: Reference(f"synthgen.metrics.longitudinal.{name}") for name in _modules("metrics/longitudinal")}


def presets() -> Mapping[str, Path]:
    """The layouts that ``init --preset`` knows, by name: the files that describe them."""
    return {file.stem: file for file in sorted((_HERE / "inference" / "presets").glob("*.yaml"))}


def load_model(name: str) -> type[Any]:
    """The class of a model, a subclass of ``synthgen.models.base.Model``.

    Raises:
        InputError: there is no such model.
        SynthgenError: the model cannot be imported.
    """
    return _load("model", name, models(), "synthgen.models.base:Model")


def load_metric(name: str) -> type[Any]:
    """The class of a measure, a subclass of ``synthgen.metrics.base.Measure``.

    Raises:
        InputError: there is no such measure.
        SynthgenError: the measure cannot be imported.
    """
    return _load("measure", name, metrics(), "synthgen.metrics.base:Measure")


def load_relational_metric(name: str) -> type[Any]:
    """The class of a measure of several tables, a subclass of ``synthgen.metrics.longitudinal.base.RelationalMeasure``.

    Raises:
        InputError: there is no such measure.
    """
    contract = "synthgen.metrics.longitudinal.base:RelationalMeasure"
    return _load("measure of tables", name, relational_metrics(), contract)


def options(name: str) -> tuple[str, ...]:
    """The names of a model's options: the fields of its dataclass."""
    model = load_model(name)
    return tuple(field.name for field in fields(model) if field.init) if is_dataclass(model) else ()


def _load(what: str, name: str, known: Mapping[str, Reference], contract: str) -> type[Any]:
    if name not in known:
        raise InputError(f'there is no {what} "{name}"; known: {", ".join(known)}')
    return known[name].load(contract)


def _modules(folder: str) -> list[str]:
    found = [module.name for module in pkgutil.iter_modules([str(_HERE / folder)])]
    return sorted(name for name in found if name != "base" and not name.startswith("_"))


def _entry_points(group: str) -> dict[str, Reference]:
    return {point.name: Reference(point.module, point.attr) for point in entry_points(group=group)}


def _attribute(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)
