"""The README is the manual: what it says of commands, config, models and figures is what the code says."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from synthgen import plugins
from synthgen.cli import VERBS
from synthgen.report import wording
from synthgen.schema.column import Column, ColumnBase
from synthgen.schema.config import Format, ModelConfig, Policy, Privacy, Schema
from synthgen.schema.table import Parent, TableConfig

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
KINDS: dict[str, type[ColumnBase]] = {kind.model_fields["kind"].default: kind for kind in get_args(get_args(Column)[0])}
LEVELS: dict[str, type[BaseModel]] = {
    "Top level": Schema,
    "format": Format,
    "tables.NAME": TableConfig,
    "tables.NAME.parent": Parent,
    "Every column": ColumnBase,
    "privacy": Privacy,
    "evaluation.policy": Policy,
    "model": ModelConfig,
}


def section(heading: str) -> str:
    """What stands under a heading of level 2 or 3, down to the next heading of its level or above."""
    found = re.search(rf"^(##+) {re.escape(heading)}\n(.*?)(?=^##(?!#)|\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no heading {heading}"
    return re.split(r"^### ", found[2], flags=re.MULTILINE)[0] if found[1] == "###" else found[2]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {at for rule, line in enumerate(lines) if set(line) <= set("|-") for at in (rule - 1, rule)}
    return [[cell.strip() for cell in line.strip("|").split("|")] for at, line in enumerate(lines) if at not in heads]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def default(model: type[BaseModel], key: str) -> str:
    """A default as the manual writes it."""
    value: Any = model.model_fields[key].default
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return "see below"
    return "none" if value is None or value == () else f"`{json.dumps(value)}`"


# --- the two commands ----------------------------------------------------------------------------------------------


def test_there_are_two_commands_under_their_heading() -> None:
    demo, tests = fences(section("Two commands"), "sh")
    assert re.search(r"pip install \. .*synthgen demo", demo)
    assert re.search(r'pip install -e "\.\[dev\]" .*pytest', tests)
    assert README.count("\n```sh\n") == 2  # CI counts them from the heading; another one would confuse a reader


# --- options -------------------------------------------------------------------------------------------------------


def helped(verb: str) -> set[str]:
    """Every spelling of every option that ``--help`` names."""
    command: click.Command = importlib.import_module(f"synthgen.commands.{verb}").command
    done = CliRunner().invoke(command, ["--help"])
    assert done.exit_code == 0, done.output
    found: set[str] = set()
    for line in done.output.partition("Options:")[2].splitlines():
        if spellings := re.match(r"  (-[\w-]+)(?:, (-[\w-]+))?", line):
            found |= {spelling for spelling in spellings.groups() if spelling}
    return found - {"-h", "--help"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_in_the_manual_and_no_other(verb: str) -> None:
    assert {option for row in rows(section(f"synthgen {verb}")) for option in names(row[0])} == helped(verb)


@pytest.mark.parametrize("verb", VERBS)
def test_usage_lines_name_options_that_exist(verb: str) -> None:
    usage = names(section(f"synthgen {verb}"))[0]
    assert usage.startswith(f"synthgen {verb}")
    assert set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", usage)) <= helped(verb)


def test_every_command_has_its_part() -> None:
    assert re.findall(r"^### synthgen (\w+)$", README, re.MULTILINE) == list(VERBS)


# --- the config ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", LEVELS)
def test_the_keys_of_every_level_and_their_defaults(heading: str) -> None:
    model = LEVELS[heading]
    told = {names(row[0])[0]: row[1] for row in rows(section(heading))}
    assert told == {key: default(model, key) for key in model.model_fields}


def test_every_kind_with_its_own_keys_and_defaults() -> None:
    told = {names(row[0])[0]: dict(re.findall(r"`(\w+)` \(([^)]+)\)", row[2])) for row in rows(section("Kinds"))}
    shared = {"kind", *ColumnBase.model_fields}
    assert told == {
        name: {key: default(kind, key) for key in kind.model_fields if key not in shared}
        for name, kind in KINDS.items()
    }


def test_no_part_of_the_config_is_left_out_of_the_manual() -> None:
    parts = set(Schema.model_json_schema()["$defs"])
    assert parts == {kind.__name__ for kind in (*KINDS.values(), *LEVELS.values())} - {"Schema", "ColumnBase"} | {
        "Evaluation",  # its one key, policy, is the heading evaluation.policy
        "Survival",  # its two keys stand where the table's key `survival` does
    }


# --- models and figures --------------------------------------------------------------------------------------------


def test_every_model_with_its_options() -> None:
    told = {names(row[0])[0]: tuple(names(row[3])) for row in rows(section("Models"))}
    own = [name for name, found in plugins.models().items() if found.module.startswith("synthgen.")]
    assert told == {name: plugins.options(name) for name in own}


def test_every_figure_and_every_verdict() -> None:
    assert {names(row[0])[0] for row in rows(section("Every figure"))} == set(wording.FIGURES)
    told = {names(row[0])[0]: row[1] for row in rows(section("Verdict words"))}
    assert told == {word: words for word, (_, words, _) in wording.VERDICTS.items()}


# --- the snippet and the links -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_library_snippet_runs(
    sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = fences(README, "python")
    (tmp_path / "sample_data").mkdir()
    with sample_csv.open(encoding="utf-8") as extract:  # the whole one takes too long for a test of the manual
        (tmp_path / "sample_data" / "encounters.csv").write_text("".join(islice(extract, 600)), encoding="utf-8")
    assert "5000" in snippet
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet.replace("5000", "300"), "README.md", "exec"), space := {})
    assert len(space["synthetic"]) == 300
    assert len(space["elderly"]) == 100
    assert space["elderly"]["age"].astype(int).min() >= 65
    assert set(space["elderly"]["diabetes"]) == {"yes"}
    assert "nearest_neighbour_share" in capsys.readouterr().out


def anchors() -> Iterator[str]:
    """Headings as GitHub makes links of them."""
    for heading in re.findall(r"^##+ (.+)$", README, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_internal_links_resolve() -> None:
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert targets
    for target in targets:
        assert target[1:] in set(anchors()) if target.startswith("#") else (ROOT / target).exists(), target


def test_paths_that_the_manual_names_exist() -> None:
    for path in ("configs", "tests/benchmarks", "sample_data/encounters.csv"):
        assert path in README
        assert (ROOT / path).exists(), path
