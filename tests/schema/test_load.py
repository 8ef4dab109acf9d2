"""Configs as files: every mistake with its line, all at once; and what is written is read back."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen import plugins
from synthgen.errors import InputError
from synthgen.schema.column import (
    Boolean,
    Category,
    Code,
    Column,
    Constant,
    Date,
    Fake,
    Id,
    Integer,
    Number,
    Ordinal,
    Text,
    Time,
)
from synthgen.schema.config import Evaluation, Format, Policy, Privacy, Schema
from synthgen.schema.load import dump, json_schema, load
from synthgen.schema.table import Parent, Survival, TableConfig

CONFIGS = Path(__file__).parents[2] / "configs"


def write(folder: Path, text: str) -> Path:
    path = folder / "x.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> list[str]:
    """The lines of the message, without the folder."""
    with pytest.raises(InputError) as refused:
        load(write(folder, text))
    return str(refused.value).replace(f"{folder}/", "").splitlines()


def column_refusal(folder: Path, column: str) -> str:
    """The message for one column of an otherwise sound config, without its place."""
    (line,) = refusal(folder, "tables:\n  t:\n    columns:\n      c: " + column)
    place = "x.yaml:4: tables.t.columns.c"
    assert line.startswith(place)
    return line.removeprefix(place)


def test_a_small_config(tmp_path: Path) -> None:
    schema = load(
        write(
            tmp_path,
            """\
            version: 1
            format: {delimiter: ";", decimal: ","}
            tables:
              visits:
                key: nr
                patient: person
                missing: ["", -1, NO]
                columns:
                  nr: {kind: id}
                  person: {kind: id}
                  country: {kind: ordinal, order: [1, 02, SE], missing: []}
                  lab: {kind: number, decimals: 1, min: -0.5, atoms: [neg]}
                  smokes: {kind: boolean, true: true, false: 0}
            holdout: 0
            """,
        )
    )
    assert schema == Schema(
        format=Format(delimiter=";", decimal=","),
        holdout=0,
        tables={
            "visits": TableConfig(
                key="nr",
                patient="person",
                missing=("", "-1", "NO"),
                columns={
                    "nr": Id(),
                    "person": Id(),
                    "country": Ordinal(order=("1", "02", "SE"), missing=()),
                    "lab": Number(decimals=1, min=-0.5, atoms=("neg",)),
                    "smokes": Boolean(true="true", false="0"),
                },
            )
        },
    )


def test_all_mistakes_at_once_each_on_its_line(tmp_path: Path) -> None:
    assert refusal(
        tmp_path,
        """\
        version: 2
        hodlout: 0.2
        tables:
          visits:
            key: [a, zz]
            patient: {x: 1}
            constraints: ["a >= zz", "a >"]
            columns:
              a: {kind: intege}
              "b.c": {kind: integer,
                      min: low}
              d: {kind: boolean, true: 1}
              e:
              d: {kind: id}
        privacy: {rare_below: 0, epsilon: 1}
        """,
    ) == [
        'x.yaml:1: version: found "2"; expected 1',
        "x.yaml:2: hodlout: unknown key; did you mean `holdout`? "
        "the keys here are version, format, tables, privacy, holdout, evaluation, model",
        "x.yaml:5: tables.visits.key: there is no column `zz`; declare it under columns, or correct the name",
        "x.yaml:6: tables.visits.patient: found keys with values; expected a text",
        "x.yaml:7: tables.visits.constraints.0: there is no column `zz`; declare it under columns, or correct the name",
        "x.yaml:7: tables.visits.constraints.1: the rule ends too early; "
        "write for example discharged_at >= admitted_at",
        'x.yaml:9: tables.visits.columns.a: there is no kind "intege"; did you mean integer? the kinds are category, '
        "ordinal, code, boolean, integer, number, date, datetime, time, id, fake, constant, text, drop",
        'x.yaml:11: tables.visits.columns."b.c".min: found "low"; expected a whole number',
        "x.yaml:12: tables.visits.columns.d.false: is missing; add it",
        "x.yaml:13: tables.visits.columns.e: found nothing; expected keys with values, such as {kind: category}",
        "x.yaml:14: tables.visits.columns.d: the key stands on line 12 too; remove one",
        'x.yaml:15: privacy.rare_below: found "0"; expected at least 1',
        "x.yaml:15: privacy.epsilon: unknown key; the keys here are rare_below",
    ]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("{min: 0}", ": has no kind; add one, such as kind: category"),
        ("category", ': found "category"; expected keys with values, such as {kind: category}'),
        ("{kind: ordinal}", ".order: is missing; add it"),
        ("{kind: ordinal, order: low}", '.order: found "low"; expected a list, such as [a, b]'),
        ("{kind: ordinal, order: []}", ".order: found a list of 0; expected 1 entry or more"),
        ("{kind: ordinal, order: [a, a]}", ": order repeats a; name each once"),
        (
            "{kind: code, system: icd11}",
            ".system: found \"icd11\"; expected 'icd9', 'icd10', 'atc', 'ops', 'sks' or 'other'",
        ),
        ("{kind: code, separator: ''}", '.separator: found ""; expected 1 character or more'),
        ("{kind: integer, min: 3, max: 1}", ": min 3 is above max 1; exchange or correct them"),
        ("{kind: integer, min: 0.5}", '.min: found "0.5"; expected a whole number'),
        ("{kind: number, max: .inf}", '.max: found ".inf"; expected a number'),
        ("{kind: number, decimals: 99}", '.decimals: found "99"; expected at most 15'),
        (
            "{kind: number, unit_of: u}",
            ".unit_of: there is no column `u`; declare it under columns, or correct the name",
        ),
        ("{kind: date, format: '%d.%m.'}", ': format "%d.%m." has no year; add %Y'),
        ("{kind: fake, provider: name, locale: nb-NO}", '.locale: "nb-NO" is not a locale; write it like nb_NO'),
        (
            "{kind: category, determined_by: c}",
            ".determined_by: `c` and `c` determine each other in a circle; remove one",
        ),
    ],
)
def test_a_mistake_in_a_column(tmp_path: Path, column: str, told: str) -> None:
    assert column_refusal(tmp_path, column) == told


def test_a_place_that_takes_two_types_is_one_mistake(tmp_path: Path) -> None:
    assert refusal(tmp_path, "tables: {t: {key: {a: 1}, columns: {c: {kind: id}}}}") == [
        "x.yaml:1: tables.t.key: found keys with values; expected a text or a list, such as [a, b]"
    ]


def test_options_of_the_model_are_checked(tmp_path: Path, toy: str) -> None:
    text = "tables: {{t: {{columns: {{c: {{kind: id}}}}}}}}\nmodel:\n  name: {}\n  {}\n"
    assert load(write(tmp_path, text.format(toy, "bins: 3"))).model.options == {"bins": 3}
    assert refusal(tmp_path, text.format(toy, "layers: 3")) == [
        "x.yaml:4: model.layers: model toy has no option `layers`; its options: bins, hidden"
    ]
    assert refusal(tmp_path, text.format("gan", "bins: 3")) == [
        'x.yaml:3: model.name: there is no model "gan"; known models: toy'
    ]


def test_mistakes_between_tables_stand_on_their_lines(tmp_path: Path) -> None:
    assert refusal(
        tmp_path,
        """\
        tables:
          patients:
            key: [site, nr]
            patient: nr
            columns:
              site: {kind: category}
              nr: {kind: id}
          visits:
            parent: {table: patients, column: nr}
            foreign_keys:
              ward: wards
              nr: visits
            order: ward
            reference: perhaps
            columns:
              nr: {kind: id}
              ward: {kind: category}
        """,
    ) == [
        "x.yaml:9: tables.visits.parent.column: found 1 column, but the key of `patients` has 2: site, nr; "
        "name as many",
        "x.yaml:11: tables.visits.foreign_keys.ward: there is no table `wards`; the tables are patients, visits",
        "x.yaml:12: tables.visits.foreign_keys.nr: `nr` holds the parent's key already; remove it here",
        "x.yaml:12: tables.visits.foreign_keys.nr: `visits` has no key to refer to; give it one",
        "x.yaml:13: tables.visits.order: column `ward` is of kind category; here it must be "
        "date or datetime or time or integer or number",
        'x.yaml:14: tables.visits.reference: found "perhaps"; expected true or false',
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "just a text\n", "[a, b]\n"])
def test_a_config_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    (line,) = refusal(tmp_path, text)
    assert line.startswith("x.yaml:1: the config has no keys; ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("tables: {t: {columns: {kjønn: {kind: category}}}}".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8 text; save the config as UTF-8"):
        load(latin)


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
names = texts.filter(bool) | st.sampled_from(["NO", "null", "1", "true", "<<", "a b", "#", "d.time"])
levels = st.lists(texts | st.sampled_from(["-1", "250.00", "NO", "~", "?"]), min_size=1, max_size=4, unique=True)


@st.composite
def columns(draw: st.DrawFn) -> Column:
    order = tuple(draw(levels))
    bound = draw(st.none() | st.integers())
    return draw(
        st.sampled_from(
            [
                Category(other="other " + order[0]),
                Ordinal(order=order),
                Code(
                    system=draw(st.sampled_from(["icd9", "atc", "other"])),
                    separator=draw(st.sampled_from([None, ", "])),
                ),
                Boolean(true="t" + order[0], false="f" + order[0]),
                Integer(min=bound, atoms=order),
                Number(decimals=draw(st.integers(0, 15)), max=draw(st.floats(allow_nan=False, allow_infinity=False))),
                Date(format="%Y" + draw(st.sampled_from(["-%m-%d", "/%j"]))),
                Time(),
                Id(),
                Fake(provider="name", locale="nb_NO"),
                Constant(missing=order),
                Text(),
            ]
        )
    )


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    found = draw(st.dictionaries(names, columns(), min_size=1, max_size=5))
    ids = [None] + [name for name, column in found.items() if isinstance(column, Id)]
    levels = [name for name, column in found.items() if isinstance(column, Category)]
    followed = [name for name, column in found.items() if isinstance(column, Integer)]
    table = TableConfig(
        key=draw(st.sampled_from(ids)),
        patient=draw(st.sampled_from(ids)),
        survival=Survival(time=followed[0], event=followed[1]) if len(followed) > 1 else None,
        groups=tuple(levels),
        missing=("missing",),
        columns=found,
    )
    return Schema(
        format=Format(
            delimiter=draw(st.sampled_from(";\t|")), thousands=draw(st.sampled_from(["", ",", "\u00a0", "'"]))
        ),
        tables={draw(names): table},
        privacy=Privacy(rare_below=draw(st.integers(1, 50))),
        holdout=draw(st.floats(0, 1, exclude_max=True)),
        evaluation=Evaluation(
            policy=Policy(
                required=tuple(draw(st.lists(names, max_size=2))),
                limits=draw(st.dictionaries(names, st.floats(0, 1), max_size=2)),
                release=draw(st.sampled_from(["records", "model"])),
            )
        ),
    )


@given(schema=schemas(), remark=texts)
def test_what_is_dumped_is_loaded(tmp_path_factory: pytest.TempPathFactory, schema: Schema, remark: str) -> None:
    (name, table), *_ = schema.tables.items()
    places = [(), ("tables",), ("tables", name, "columns"), ("tables", name, "columns", next(iter(table.columns)))]
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    with path.open("w", encoding="utf-8", newline="") as stream:
        dump(schema, stream, comments=dict.fromkeys(places, remark))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "models", lambda: {"autoregressive": plugins.Reference("not.imported")})
        assert load(path) == schema


def test_what_is_said_of_several_tables_is_dumped_and_loaded(tmp_path: Path) -> None:
    schema = Schema(
        tables={
            "NO": TableConfig(key=("a b", "nr"), patient="nr", columns={"a b": Category(), "nr": Id()}),
            "visits": TableConfig(
                key="id",
                parent=Parent(table="NO", column=("site", "nr")),
                foreign_keys={"before": "visits", "code": "codes"},
                order="day",
                format=Format(delimiter="\t", decimal=","),
                columns={"id": Id(), "site": Category(), "nr": Id(), "before": Id(), "code": Code(), "day": Date()},
            ),
            "codes": TableConfig(key="code", reference=True, columns={"code": Code()}),
        }
    )
    with (tmp_path / "x.yaml").open("w", encoding="utf-8") as stream:
        dump(schema, stream, comments={("tables", "visits"): "three links"})
    text = (tmp_path / "x.yaml").read_text(encoding="utf-8")
    assert '    parent: {table: "NO", column: [site, nr]}\n' in text
    assert "    foreign_keys: {before: visits, code: codes}\n    order: day\n" in text
    assert "    reference: true\n" in text
    assert load(tmp_path / "x.yaml") == schema


def test_a_dump_reads_well() -> None:
    schema = Schema(
        tables={
            "visits": TableConfig(
                key="nr",
                missing=("", "?"),
                columns={"nr": Id(), "grade": Ordinal(order=("low", "2", "NO")), "lab": Number(decimals=1, min=0)},
            )
        }
    )
    stream = StringIO()
    dump(schema, stream, comments={(): "Inferred.", ("tables", "visits", "columns", "lab"): "look:\ntwo lines"})
    assert stream.getvalue() == dedent(
        """\
        # Inferred.
        version: 1
        format: {delimiter: ",", decimal: ".", thousands: "", encoding: utf-8, quote: '"', preamble: 0, newline: "\\n"}
        tables:
          visits:
            key: nr
            missing: ["", "?"]
            columns:
              nr: {kind: id}
              grade: {kind: ordinal, order: [low, "2", "NO"]}
              # look:
              # two lines
              lab: {kind: number, decimals: 1, min: 0}
        privacy: {rare_below: 5}
        holdout: 0.2
        evaluation: {policy: {}}
        model: {name: autoregressive}
        """
    )


def definitions() -> dict[str, Any]:
    found = json_schema()["$defs"]
    assert isinstance(found, dict)
    return found


def test_the_json_schema_names_every_key_and_refuses_others() -> None:
    top = json_schema()
    assert list(top["properties"]) == list(Schema.model_fields)
    assert top["required"] == ["tables"]
    assert top["additionalProperties"] is False
    assert definitions()["TableConfig"]["additionalProperties"] is False
    assert "unit_of" in definitions()["Integer"]["properties"]
    assert definitions()["ModelConfig"]["additionalProperties"] is True  # options


def test_the_json_schema_tells_the_kinds_apart() -> None:
    column = definitions()["TableConfig"]["properties"]["columns"]["additionalProperties"]
    assert column["discriminator"]["propertyName"] == "kind"
    assert len(column["oneOf"]) == len(column["discriminator"]["mapping"]) == 14


def test_the_json_schema_lets_texts_be_written_as_yaml_numbers() -> None:
    assert "number" in definitions()["Ordinal"]["properties"]["order"]["items"]["type"]


def test_the_json_schema_knows_the_models(toy: str) -> None:
    assert definitions()["ModelConfig"]["properties"]["name"]["enum"] == [toy]


@pytest.mark.parametrize(
    ("name", "columns", "ids", "target"),
    [("diabetes130", 50, ["encounter_id", "patient_nbr"], "readmitted"), ("support2", 48, ["sno"], "hospdead")],
)
def test_the_committed_configs_load(name: str, columns: int, ids: list[str], target: str) -> None:
    (table,) = load(CONFIGS / f"{name}.yaml").tables.values()
    assert len(table.columns) == columns
    assert [column for column, kind in table.columns.items() if isinstance(kind, Id)] == ids
    assert table.target == target


def test_the_committed_config_of_several_tables_loads() -> None:
    schema = load(CONFIGS / "sample_related.yaml")
    parents = {name: table.parent and table.parent.table for name, table in schema.tables.items()}
    assert parents == {"patients": None, "encounters": "patients", "diagnoses": "encounters", "labs": "encounters"}


def test_none_is_a_value_in_diabetes130() -> None:
    (table,) = load(CONFIGS / "diabetes130.yaml").tables.values()
    assert table.missing_in("max_glu_serum") == ("?",)
    assert table.columns["diag_1"] == Code(system="icd9")
