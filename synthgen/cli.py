"""The command line. A command's module is imported only when the command is called."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

import click

from synthgen.commands.terminal import nobody_reads, say
from synthgen.errors import SynthgenError

#: Each verb and its line in the overview, so that ``--help`` imports none of them.
VERBS: Final = {
    "init": "Guess the schema of an extract and write it as a config to correct.",
    "fit": "Learn a synthesizer from an extract.",
    "sample": "Generate records with a fitted synthesizer.",
    "evaluate": "Judge synthetic records: how faithful, and what they give away.",
    "inspect": "Show everything that a fitted synthesizer holds.",
    "compare": "Fit several models on the same split, and judge each in one table.",
    "demo": "Run the whole journey on the sample data.",
}
_DEBUG: Final = "--debug"
_INTERRUPTED: Final = 130


class _Verbs(click.Group):
    """Knows the verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"synthgen.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.command(
    cls=_Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="synthgen", message="synthgen %(version)s")
@click.option(_DEBUG, is_flag=True, expose_value=False, help="Show a traceback where something goes wrong.")
@click.pass_context
def synthgen(context: click.Context) -> None:
    """Learn from a health-record extract, generate synthetic records, and produce the evidence about them."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run the command line and exit with its status: 0 done, 1 refused, 2 wrong input, 3 failure, 130 interrupted."""
    given = sys.argv[1:]
    arguments = [argument for argument in given if argument != _DEBUG]  # so that it may stand behind the verb too
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = run(arguments, debug=arguments != given)
        sys.stdout.flush()
    except BrokenPipeError:  # as in `synthgen inspect MODEL | head`: the reader has seen enough
        nobody_reads(sys.stdout)
        status = 0
    if status:
        # Where a file was given up half way, Arrow still reads ahead in a thread of its own; the end of the interpreter
        # would tear it down in the middle of that, with a status and a message that are not ours.
        os._exit(status)
    # At its end the interpreter looks through all objects for circles: half a second with scikit-learn loaded.
    gc.freeze()


def run(arguments: Sequence[str], *, debug: bool = False) -> int:
    """Run one command, say in one line what went wrong where something did, and return the exit status."""
    try:
        with synthgen.make_context("synthgen", list(arguments)) as context:
            status = synthgen.invoke(context)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        say("synthgen: interrupted")
        return _INTERRUPTED
    except click.ClickException as error:
        say(_usage(error))
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the outermost: whatever it is has a status and one line
        if debug:
            traceback.print_exception(error)
        say(f"synthgen: {_told(error)}")
        return error.exit_status if isinstance(error, SynthgenError) else SynthgenError.exit_status


def _usage(error: click.ClickException) -> str:
    """A mistake in the command line as one line, with the way to the help."""
    context = getattr(error, "ctx", None)
    path = "synthgen" if context is None else context.command_path
    text = " ".join(error.format_message().split()).rstrip(".")
    return f"{path}: {text[:1].lower()}{text[1:]}; see `{path} --help`"


def _told(error: Exception) -> str:
    if isinstance(error, SynthgenError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory; free some, or give fewer rows"
    # The text of a foreign error may hold a cell, so only its kind is told.
    return f"internal error ({type(error).__name__}); run again with --debug where no one looks on"


if __name__ == "__main__":
    main()
