"""Times on the command line."""

from datetime import UTC, datetime

import click

from ingest.installation import InstallationSettings


def moment(text: str) -> datetime:
    """A time as people write it, in UTC; without an offset it is of WEIR_TIME_ZONE. Raises `click.BadParameter`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text} is no time; it is written like 2026-11-01 or 2026-11-01T09:30.") from None
    return (found if found.tzinfo else found.replace(tzinfo=InstallationSettings().zone())).astimezone(UTC)
