"""The whole config: how files are written, what the tables hold, and how to model and judge them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from synthgen import plugins
from synthgen.schema.format import Format
from synthgen.schema.links import between_tables
from synthgen.schema.part import Mistake, Part
from synthgen.schema.table import TableConfig

__all__ = ["Evaluation", "Format", "ModelConfig", "Policy", "Privacy", "Schema", "TableConfig"]


class Privacy(Part):
    """What protects the people in the data.

    Attributes:
        rare_below: a level seen in fewer distinct patients than this is merged and never generated.
    """

    rare_below: int = Field(5, ge=1, description="Levels of fewer patients than this are merged.")


#: The model of a config that names none.
DEFAULT_MODEL = "autoregressive"
#: The verdict lines that a gate insists on where the config does not say: those that any extract with a holdout allows.
REQUIRED = ("nearest_neighbour_share", "exact_copies", "rare_values_leaked")

#: A limit is a risk, a share or a score, each from 0 to 1.
Limit = Annotated[float, Field(ge=0, allow_inf_nan=False)]

#: What leaves the house. Who has the model can make records of it, so with the model go the records.
Release = Literal["records", "model"]


class Policy(Part):
    """What ``evaluate --gate`` insists on, and which limits decide.

    Attributes:
        required: the verdict lines that must be assessable; an empty list asks for none.
        limits: by the name of a verdict line, a limit instead of that line's own.
        release: what is to leave the house. Of records alone, what the model itself gives away refuses nothing.
    """

    required: tuple[str, ...] = Field(REQUIRED, description="Verdict lines that must be assessable.")
    limits: dict[str, Limit] = Field({}, description="Limits by verdict line, instead of the line's own.")
    release: Release = Field("model", description="What leaves the house: the records alone, or the model as well.")


class Evaluation(Part):
    """How the synthetic records are judged."""

    policy: Policy = Field(Policy(), description="What the gate insists on, and which limits decide.")


class ModelConfig(Part):
    """The model and its options: every key but ``name`` is an option of that model."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(DEFAULT_MODEL, description="The model; every other key is one of its options.")

    @property
    def options(self) -> dict[str, Any]:
        """The options by name, as the config has them."""
        return dict(self.__pydantic_extra__ or {})

    def build(self) -> Any:
        """The model, a ``synthgen.models.base.Model``, with these options."""
        return plugins.load_model(self.name)(**_typed(self.name, self.options))

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterable[Mistake]:
        """A model that does not exist, and options that it does not have or cannot take."""
        name = raw.get("name", DEFAULT_MODEL)
        options = {key: value for key, value in raw.items() if key != "name"}
        if "name" in raw and isinstance(name, str) and name not in plugins.models():
            yield ("name",), f'there is no model "{name}"; known models: {", ".join(plugins.models())}'
        elif isinstance(name, str) and options:
            yield from _option_mistakes(name, options)


class Schema(Part):
    """All that synthgen is told about an extract.

    Attributes:
        holdout: the share of patients that ``fit`` sets aside before anything is learned; 0 turns it off.
    """

    version: Annotated[Literal[1], BeforeValidator(lambda text: 1 if text == "1" else text)] = 1
    format: Format = Field(Format(), description="The dialect of the files.")
    tables: dict[str, TableConfig] = Field(min_length=1, description="The tables by name.")
    privacy: Privacy = Field(Privacy(), description="What protects the people in the data.")
    holdout: float = Field(0.2, ge=0, lt=1, description="The share of patients set aside for the evaluation.")
    evaluation: Evaluation = Field(Evaluation(), description="How the synthetic records are judged.")
    model: ModelConfig = Field(ModelConfig(), description="The model and its options.")

    def format_of(self, table: str) -> Format:
        """The dialect of a table's text file."""
        return self.tables[table].format or self.format

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterable[Mistake]:
        """Links between tables that lead nowhere, in circles, or to what cannot serve."""
        tables = raw.get("tables")
        if isinstance(tables, Mapping):
            for where, told in between_tables(tables):
                yield ("tables", *where), told


def _option_mistakes(name: str, options: Mapping[str, Any]) -> Iterable[Mistake]:
    known = plugins.options(name)
    unknown = [option for option in options if option not in known]
    for option in unknown:
        names = ", ".join(known) if known else "none"
        yield (option,), f"model {name} has no option `{option}`; its options: {names}"
    wrong = False
    for option in (option for option in options if option in known):
        try:
            _typed(name, {option: options[option]})
        except ValidationError as error:
            wrong = True
            yield (option,), f"found {options[option]!r}; {error.errors()[0]['msg']}"
    if unknown or wrong:
        return
    try:
        plugins.load_model(name)(**_typed(name, options))
    except ValueError as error:
        yield (), str(error)


def _typed(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the types that the model's fields have: a list of YAML becomes a tuple where one is meant."""
    types = get_type_hints(plugins.load_model(name))
    return {option: TypeAdapter(types[option]).validate_python(value) for option, value in options.items()}
