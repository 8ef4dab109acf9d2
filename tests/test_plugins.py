"""A model or measure is one file, found by its name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from synthgen import plugins
from synthgen.errors import InputError, SynthgenError

MODEL = """
from dataclasses import dataclass, field
from synthgen.models.base import CodeTable, FittedModel, Model  # none of these is the model

@dataclass(frozen=True)
class Still(Model):
    bins: int = 10
    seen: int = field(default=0, init=False)

    @staticmethod
    def fitted(): raise NotImplementedError

    def fit(self, source, **rest): raise NotImplementedError
"""


def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Put modules on the path."""
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("kind", ["models", "metrics", "relational_metrics"])
def test_every_file_is_found_and_the_contract_is_not_one(kind: str) -> None:
    root = Path(plugins.__file__).parent / kind.removeprefix("relational_")
    folders = {
        "models": ["."],
        "metrics": ["fidelity", "utility", "privacy", "fairness"],
        "relational_metrics": ["longitudinal"],
    }
    files = {file for folder in folders[kind] for file in (root / folder).glob("*.py")}
    expected = {file.stem for file in files if not file.stem.startswith("_") and file.stem != "base"}
    found = {name for name, reference in getattr(plugins, kind)().items() if reference.module.startswith("synthgen.")}
    if kind == "models":
        several = {"sdv-copula", "sdv-ctgan", "sdv-tvae"}
        assert found == {name.replace("_", "-") for name in expected - {"sdv"}} | several
    else:
        assert found == expected


def test_one_file_may_supply_several_models() -> None:
    found = [plugins.load_model(name) for name in ("sdv-copula", "sdv-ctgan", "sdv-tvae")]
    assert [model.__module__ for model in found] == ["synthgen.models.sdv"] * 3
    assert [model.__name__ for model in found] == ["SdvCopula", "SdvCtgan", "SdvTvae"]


def test_listing_imports_nothing() -> None:
    listed = "plugins.models(); plugins.metrics(); plugins.relational_metrics()"
    script = f"import sys; from synthgen import plugins; {listed}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert imported.isdisjoint({"numpy", "pandas", "pyarrow", "pydantic", "scipy", "sklearn", "torch", "sdv"})
    assert "synthgen.models" not in done.stdout.split()


def test_files_and_entry_points_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    for name in ("base", "_inner", "sdv_copula"):
        (tmp_path / "models" / f"{name}.py").touch()
    monkeypatch.setattr(plugins, "_HERE", tmp_path)
    outside = {"foreign": plugins.Reference("foreign", "Model"), "sdv-copula": plugins.Reference("impostor")}
    monkeypatch.setattr(plugins, "_entry_points", lambda group: outside if group == "synthgen.models" else {})
    assert plugins.models.__wrapped__() == {
        "foreign": plugins.Reference("foreign", "Model"),
        "sdv-copula": plugins.Reference("synthgen.models.sdv_copula"),  # synthgen's own names are not taken over
    }


def test_the_one_concrete_model_of_a_module_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path, monkeypatch, {"still_of_a_test": MODEL})
    monkeypatch.setattr(plugins, "models", lambda: {"still": plugins.Reference("still_of_a_test")})
    assert plugins.load_model("still").__name__ == "Still"
    assert plugins.options("still") == ("bins",)


def test_an_entry_point_names_its_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path, monkeypatch, {"twins_of_a_test": MODEL + "\nclass Other(Still): pass\n"})
    monkeypatch.setattr(plugins, "models", lambda: {"still": plugins.Reference("twins_of_a_test", "Still")})
    assert plugins.load_model("still").__name__ == "Still"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "defines 0 concrete Model classes; it must define one"),
        (MODEL + "\nclass Other(Still): pass\n", "defines 2 concrete Model classes; it must define one"),
        ("import a_package_that_nobody_has", "needs the package a_package_that_nobody_has; install it with pip"),
    ],
)
def test_a_module_that_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str) -> None:
    folder(tmp_path, monkeypatch, {"odd_of_a_test": text})
    monkeypatch.setattr(plugins, "models", lambda: {"odd": plugins.Reference("odd_of_a_test")})
    with pytest.raises(SynthgenError, match=told):
        plugins.load_model("odd")


def test_an_unknown_name_is_answered_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "models", lambda: {"a": plugins.Reference("a"), "b": plugins.Reference("b")})
    with pytest.raises(InputError, match='there is no model "c"; known: a, b'):
        plugins.load_model("c")
    with pytest.raises(InputError, match='there is no measure "c"; known: '):
        plugins.load_metric("c")
