"""A group of commands that knows what was probably meant."""

import difflib

import click


class Group(click.Group):
    """Like click's own, but an unknown subcommand is answered with the nearest ones."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises `click.UsageError` where there is no such subcommand."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx))
            if near:
                error.message += f" Did you mean {' or '.join(f'`{name}`' for name in near)}?"
            raise
