"""The command line `weir`: a table of subcommands, each loaded only when it is called."""

import importlib
import keyword
import logging
import os
import sys
from collections.abc import Iterator

import click
from pydantic import ValidationError

from deploy.folder import adopt
from deploy.group import Group
from deploy.settings import StackSettings, prefix_of

COMMANDS = {
    "up": "Start the whole local stack in the foreground.",
    "demo": "From nothing to an answer: start the stack, send traffic, show what was counted.",
    "traffic": "Send realistic clicks to a redirector, and remember what was sent.",
    "links": "Add, list and import links.",
    "api-keys": "Make, list and revoke the keys of the API.",
    "signing-keys": "Make and retire the keys of signed links, and sign addresses.",
    "import-log": "Turn a web server's access log into clicks.",
    "query": "Ask the API, and print a table with bars.",
    "replay": "Judge history again with today's rules, and swap it in.",
    "dead": "Look at records that could not be decoded, and put back what can be read by now.",
    "audit": "Prove that every offset of the log is one row.",
    "erase": "Delete what is stored of one link, domain, recipient or visitor, with proof.",
    "retain": "Drop what is older than it has to be kept.",
    "try": "Show what each step makes of sample clicks, and why they count as they do.",
    "pipeline": "Print the graph of the stream, with the timings of a running worker.",
    "migrate": "Bring ClickHouse's schema up to date.",
    "topics": "Make the topics that Weir needs, and check those that are there.",
    "data": "Fetch geo and network databases, with their licences.",
    "bench": "Measure Weir against others, on this machine and in one run.",
    "settings": "Every setting: its variable, default and meaning.",
    "run": "Run one service: redirector, worker, roller, api, warehouse, or agents of your own.",
}
"""Subcommand → its line in the help; `import-log` lives in `deploy/commands/import_log.py`, `try` in `try_.py`."""


STARTERS = frozenset({"up", "demo", "run", "settings", "bench"})
"""These start services by their own settings; all others are meant for the local stack where one runs."""


class LazyGroup(Group):
    """A group that imports a subcommand's module when it is called, so that `weir --help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The subcommand, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name.replace("-", "_") + "_" * keyword.iskeyword(cmd_name)
        command: click.Command = importlib.import_module(f"deploy.commands.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="weir", prog_name="weir")
@click.pass_context
def weir(ctx: click.Context) -> None:
    """Weir: streaming click analytics with every click counted exactly once."""
    # A command says what is wrong in its own words, libraries do not; `weir run` sets its services' logs up itself.
    logging.lastResort = logging.NullHandler()
    if ctx.invoked_subcommand not in STARTERS:
        adopt(os.environ, StackSettings().data)


def every_command(group: click.Group = weir) -> Iterator[tuple[str, click.Command]]:
    """Each command and group with the words that call it, `links add`; a group before its commands."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {words}", below) for words, below in every_command(command))


def describe(error: ValidationError) -> str:
    """Settings that don't fit, a line each, by the name of the environment variable."""
    prefix = prefix_of(error.title)
    return "\n".join(
        f"{prefix}{'_'.join(str(part) for part in problem['loc'])}".upper()
        + f": {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors()
    )


def main() -> None:
    """Entry point: a setting, a file or a disk that does not do is named, never shown as a traceback."""
    try:
        try:
            weir(prog_name="weir")
        finally:
            sys.stdout.flush()  # a full disk is noticed here, not when the interpreter ends
    except ValidationError as error:
        click.echo(f"weir: a setting does not fit.\n{describe(error)}\n`weir settings` lists all of them.", err=True)
        sys.exit(os.EX_CONFIG)
    except OSError as error:
        click.echo(f"weir: {error}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer has no place to go
        sys.exit(1)
