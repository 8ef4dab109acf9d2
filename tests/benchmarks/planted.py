"""Names, numbers and addresses planted in a public extract, hunted in what comes out of it.

    python -m tests.benchmarks.planted [--data FOLDER] [--patients 100]

In `synthea_csv_28` every direct identifier of the 27 patients, their providers and organisations is replaced by one
that stands nowhere else; then `init`, `fit` and `sample`, without a hand on the config. Said is how many of the planted
texts are in any byte of the artifact, unpacked, or in any cell of the output.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from tests.artifact.test_planted import unpacked
from tests.benchmarks.clock import table
from tests.benchmarks.related_tables import command
from tests.conftest import REAL_DATA

#: By table and column, what stands there: ``#`` is a number of nine digits that is another one in each row.
PLANTED = {
    "patients": {
        "SSN": "999-#",
        "DRIVERS": "S#",
        "PASSPORT": "X#X",
        "FIRST": "Quixfirst#",
        "LAST": "Quixlast#",
        "MAIDEN": "Quixmaiden#",
        "ADDRESS": "# Quixstreet",
        "BIRTHPLACE": "Quixton# Massachusetts US",
        "LAT": "42.#",
        "LON": "-71.#",
    },
    "providers": {"NAME": "Quixdoctor#", "ADDRESS": "# QUIXAVENUE"},
    "organizations": {"NAME": "QUIXCLINIC# INC", "ADDRESS": "# QUIXROAD", "PHONE": "617#"},
}


def plant(source: Path, out: Path) -> dict[str, list[str]]:
    """Write the extract with other identifiers; by table and column, those."""
    planted, number = dict[str, list[str]](), 100_000_007
    for path in sorted(source.glob("*.csv.gz")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column, shape in PLANTED.get(path.name.partition(".")[0], {}).items():
            known = [text != "" for text in frame[column]]
            digits = [str(number + 7_919_993 * k % 899_999_963) for k in range(len(frame))]
            number += 31_337_003
            frame[column] = [shape.replace("#", own) if there else "" for own, there in zip(digits, known, strict=True)]
            planted[f"{path.name.partition('.')[0]}.{column}"] = [
                d for d, there in zip(digits, known, strict=True) if there
            ]
        frame.to_csv(out / path.name, index=False)
    return planted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REAL_DATA)
    parser.add_argument("--patients", type=int, default=100)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "source").mkdir()
        planted = plant(given.data / "synthea_csv_28", here / "source")
        config, model, made = (str(here / name) for name in ("config.yaml", "model", "made"))
        command("init", str(here / "source"), "-o", config)
        command("fit", str(here / "source"), "-c", config, "--seed", "1", "-o", model)
        command("sample", model, "-n", str(given.patients), "--seed", "1", "-o", made)
        artifact = unpacked(Path(model)).decode("latin-1")
        output = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(made).iterdir()))
        rows = [
            (where, str(len(texts)), *(str(sum(text in whole for text in texts)) for whole in (artifact, output)))
            for where, texts in planted.items()
        ]
    print(table(("column", "planted", "in the artifact", "in the output"), rows))


if __name__ == "__main__":
    main()
