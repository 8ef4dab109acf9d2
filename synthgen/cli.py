"""The command line. A command's module is imported only when the command is called."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from synthgen.errors import SynthgenError

#: Each verb and its line in the overview, so that ``--help`` imports none of them.
VERBS: Final = {
    "init": "Guess the schema of an extract and write it as a config to correct.",
    "fit": "Learn a synthesizer from an extract.",
    "sample": "Generate records with a fitted synthesizer.",
    "evaluate": "Judge synthetic records: how faithful, and what they give away.",
    "inspect": "Show everything that a fitted synthesizer holds.",
    "demo": "Run the whole journey on the sample data.",
}
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


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="synthgen", message="synthgen %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback where something goes wrong.")
@click.pass_context
def synthgen(context: click.Context, debug: bool) -> None:
    """Learn from a health-record extract, generate synthetic records, and produce the evidence about them."""
    context.obj = debug


def main() -> None:
    """Run the command line and exit with its status: 0 done, 1 refused, 2 wrong input, 3 failure, 130 interrupted."""
    debug = "--debug" in sys.argv[1:2]
    try:
        status = synthgen.main(standalone_mode=False)
    except click.exceptions.Abort:
        _say("interrupted")
        sys.exit(_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SynthgenError as error:
        if debug:
            raise
        _say(str(error))
        sys.exit(error.exit_status)
    except Exception as error:
        if debug:
            raise
        # The text of a foreign error may hold a cell, so only its kind is told.
        _say(f"internal error ({type(error).__name__}); run again with `synthgen --debug ...` where no one looks on")
        sys.exit(SynthgenError.exit_status)
    sys.exit(status if isinstance(status, int) else 0)


def _say(text: str) -> None:
    click.echo(f"synthgen: {text}", err=True)


if __name__ == "__main__":
    main()
