"""Imports stay light where a person waits, and point down the list of the design everywhere."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"matplotlib", "pandas", "pyarrow", "pydantic", "rich", "scipy", "sdv", "sklearn", "torch"}

IMPORT = "import synthgen"
VERBS = ("init", "fit", "sample", "evaluate", "inspect", "compare", "demo")
HELP = """
import sys
from synthgen.cli import main
sys.argv = ["synthgen", {verb}"--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def modules_after(program: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after it has run a program."""
    tell = "\nimport sys\nprint('modules:', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program + tell], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "program",
    [IMPORT, HELP.format(verb=""), *(HELP.format(verb=f'"{verb}", ') for verb in VERBS)],
    ids=["import synthgen", "synthgen --help", *(f"synthgen {verb} --help" for verb in VERBS)],
)
def test_nothing_heavy_is_imported(program: str) -> None:
    modules = modules_after(program)
    assert "synthgen" in modules
    assert modules & HEAVY == set()


def test_heavy_imports_would_be_seen() -> None:
    assert modules_after("import pyarrow") & HEAVY == {"pyarrow"}


def test_help_needs_no_arguments_and_names_the_verbs() -> None:
    command = [sys.executable, "-m", "synthgen.cli", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for verb in VERBS:
        assert f"  {verb} " in done.stdout


def test_imports_keep_the_contracts() -> None:
    lint = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.benchmark
def test_help_answers_at_once() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "synthgen.cli", "--help"], cwd=ROOT, capture_output=True, check=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.3
