"""Exit statuses and messages: one clear line, never a cell, a traceback only where it is asked for."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from synthgen import cli, workflow

#: A shell's background job ignores Ctrl-C; the command under test must not.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from synthgen import cli
from synthgen.commands import terminal
terminal.silent = lambda step, done: print(step, flush=True)
sys.argv = ["synthgen", *sys.argv[1:]]
print("started", flush=True)
cli.main()
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "synthgen: no such command 'nope'; see `synthgen --help`"),
        (["--nope"], "synthgen: no such option '--nope'; see `synthgen --help`"),
        (["fit"], "synthgen fit: missing argument 'DATA'; see `synthgen fit --help`"),
        (["inspect", "a", "b"], "synthgen inspect: got unexpected extra argument (b); see `synthgen inspect --help`"),
        (["init", "absent.csv"], "synthgen: absent.csv: there is no such file or folder; correct the path"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    assert capsys.readouterr() == ("", f"{message}\n")


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    assert "evaluate  Judge synthetic records" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("F; 1931; C92.0"), "synthgen: internal error (ValueError); run again with --debug"),
        (MemoryError(), "synthgen: there is not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device", "m.split"), "synthgen: m.split: No space left on device"),
    ],
)
def test_what_fails_inside_has_status_3_and_shows_no_cell(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(workflow, "fit", fail)
    assert cli.run(["fit", "some.csv", "-o", str(tmp_path / "m")]) == 3
    told = capsys.readouterr().err
    assert told.startswith(message)
    assert told.count("\n") == 1
    assert "C92.0" not in told


@pytest.mark.parametrize("arguments", [["--debug", "init", "absent.csv"], ["init", "absent.csv", "--debug"]])
def test_a_traceback_is_shown_where_it_is_asked_for(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["synthgen", *arguments])
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert told.endswith("synthgen: absent.csv: there is no such file or folder; correct the path\n")


def test_a_reader_that_goes_away_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "synthgen.cli", "--help"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_after_a_failure_nothing_waits_for_threads_that_read_ahead() -> None:
    """Arrow's are torn down with the interpreter, now and then with an abort, if it comes to its regular end."""
    end = "import atexit, sys; atexit.register(print, 'regular end')"
    program = f"{end}; from synthgen import cli; sys.argv = ['synthgen', *sys.argv[1:]]; cli.main()"
    for arguments, status, told in ((["init", "absent.csv"], 2, ""), (["--version"], 0, "regular end\n")):
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert done.stdout.endswith(told)
        assert ("regular end" in done.stdout) == bool(told)


def test_a_listener_that_goes_away_changes_no_status() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "synthgen.cli", "init", "absent.csv"]
    done = subprocess.run(command, stderr=writer, stdout=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stdout) == (2, "")


def interrupt(arguments: Sequence[object], folder: Path, *, at: str) -> tuple[int, str, float]:
    """Press Ctrl-C where a step begins; the status, the message and the seconds until the end."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == at:
                break
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        message = process.communicate()[1]
        return process.returncode, message, time.monotonic() - start


@pytest.mark.parametrize(
    ("verb", "at"),
    [("fit", "started"), ("fit", "reading"), ("sample", "sampling"), ("evaluate", "c2st"), ("demo", "c2st")],
)
def test_ctrl_c_ends_at_once_and_leaves_nothing(
    verb: str, at: str, sample_csv: Path, long_csv: Path, tmp_path: Path, fitted: Path
) -> None:
    arguments: dict[str, list[object]] = {
        "fit": [long_csv, "-o", "m"],
        "sample": [fitted, "-n", 100_000_000, "-o", "s.csv"],
        "evaluate": [sample_csv, "--real", sample_csv, "-m", fitted, "-o", "report"],
        "demo": ["-o", "demo"],
    }
    status, message, seconds = interrupt([verb, *arguments[verb]], tmp_path, at=at)
    assert (status, message) == (130, "synthgen: interrupted\n")
    assert list(tmp_path.iterdir()) == []
    assert seconds < 15  # about one on a machine of its own


@pytest.fixture(scope="module")
def fitted(sample_csv: Path, sample_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fitted") / "model"
    arguments = ("fit", sample_csv, "-c", sample_config, "--model", "copula", "--seed", 1, "-o", path)
    assert cli.run([str(argument) for argument in arguments]) == 0
    return path


@pytest.fixture(scope="module")
def long_csv(sample_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample twenty times over, so that a fit is not over before it can be interrupted."""
    header, *rows = sample_csv.read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path_factory.mktemp("long") / "long.csv"
    path.write_text("".join([header, *rows * 20]), encoding="utf-8")
    return path
