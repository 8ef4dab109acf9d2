"""How fast extracts of several tables are learned and generated, and how faithful they are, by the peers' definitions.

python tests/benchmarks/related_tables.py [conditions] [five] [icu] [--seeds N] [--data FOLDER]

conditions  OMOP patients and their conditions; five: patients, visits, conditions, drugs, measurements;
icu         1,000 stays of PhysioNet 2012. FOLDER holds omop_synthea_1k/ and physionet2012/.

Every time is that of the whole process of the command; the config is the one that `init` proposes. Figures: see
``tests.benchmarks.relational_figures``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.schema import load as schema_file
from synthgen.tables.read import read
from tests.benchmarks.relational_figures import DEFINITIONS, judge, split
from tests.conftest import REAL_DATA


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
        tables: those of the folder that take part; all where empty.
        patients: of the training set at most so many.
    """

    folder: str
    preset: str | None
    tables: tuple[str, ...]
    patients: int | None


TASKS = {
    "conditions": Task("omop_synthea_1k", "omop", ("CONCEPT", "PERSON", "CONDITION_OCCURRENCE"), None),
    "five": Task(
        "omop_synthea_1k",
        "omop",
        ("CONCEPT", "PERSON", "VISIT_OCCURRENCE", "CONDITION_OCCURRENCE", "DRUG_EXPOSURE", "MEASUREMENT"),
        None,
    ),
    "icu": Task("physionet2012", None, (), 1000),
}


def command(*arguments: str) -> float:
    """Run a command of synthgen; the seconds it took."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "from synthgen.cli import main; main()", *arguments], check=True)
    return time.perf_counter() - began


def run(name: str, data: Path, seed: int, beside: Path) -> None:
    """Learn, generate and judge one task."""
    task = TASKS[name]
    source, config = beside / "source", beside / "config.yaml"
    source.mkdir()
    for file in (data / task.folder).iterdir():
        if not task.tables or file.name.partition(".")[0] in task.tables:
            shutil.copy(file, source / file.name)
    command("init", str(source), *(("--preset", task.preset) if task.preset else ()), "-o", str(config))
    config.write_text(config.read_text().replace("holdout: 0.2", "holdout: 0"))
    split(source, schema_file.load(config), 0.2, seed, beside / "parts", task.patients)
    train, model, synthetic = beside / "parts" / "train", beside / "model", beside / "synthetic"
    fitting = command("fit", str(train), "-c", str(config), "--seed", str(seed), "-o", str(model))
    schema = schema_file.load(config)
    patients = next(t for t, table in schema.tables.items() if table.patient and table.key_columns == (table.patient,))
    n = sum(block.num_rows for block in read(train, schema=schema).tables[patients])
    sampling = command("sample", str(model), "-n", str(n), "--seed", str(seed), "-o", str(synthetic))
    print(f"\n{name}, seed {seed}: {n} patients, fit {fitting:.0f} s, sample {sampling:.0f} s")
    judge(schema, train, beside / "parts" / "holdout", synthetic, [], seed, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []], help="all where left out")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", type=Path, default=REAL_DATA)
    given = parser.parse_args()
    print(DEFINITIONS)
    for name in given.tasks or TASKS:
        for seed in range(1, given.seeds + 1):
            with TemporaryDirectory() as folder:
                run(name, given.data, seed, Path(folder))


if __name__ == "__main__":
    main()
