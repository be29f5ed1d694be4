"""The pages of `docs/` that are made from the code: `python -m deploy.reference` writes them, a test compares them."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import click
from prometheus_client.metrics import MetricWrapperBase
from rich.console import Console

import ingest.metrics
import streams.agents
import streams.metrics
import streams.roller.metrics
from api.telemetry import Telemetry
from deploy.cli import every_command
from deploy.schemas import as_json, as_yaml, asyncapi, enriched_click_schema, raw_click_schema
from deploy.settings import every_setting

DOCS = Path(__file__).parents[1] / "docs"
MADE = "Made from the code by `python -m deploy.reference`.\n"

METRICS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "Redirector": vars(ingest.metrics),
        "Worker": vars(streams.metrics),
        "Roller": vars(streams.roller.metrics),
        "Agents of your own": vars(streams.agents),
        "API": vars(Telemetry()),
    }
)
"""Service → where its metrics have their names."""

Row = tuple[str, ...]


def settings_page() -> str:
    """Every setting of every service."""
    rows = (
        (f"`{one.variable}`", f"`{one.default}`" if one.default else "", one.help, ", ".join(one.services))
        for one in every_setting()
    )
    return (
        "# Settings\n\n"
        "Every service reads its settings from environment variables, once, when it starts; one that does not fit is"
        " named,\nand the service does not start. An empty variable counts as not set. *up* is the local stack (`weir"
        " up`, `weir demo`),\n*commands* is whatever talks to servers, *logs* is every service.\n\n"
        f"{MADE}\n{_table(('Variable', 'Default', 'Meaning', 'Read by'), rows)}"
    )


def metrics_page() -> str:
    """Every metric of every service."""
    intro = (
        "# Metrics\n\n"
        "For Prometheus, at `/-/metrics` of each service's own port. There a counter's name ends in `_total`, and a"
        " histogram has\n`_bucket`, `_sum` and `_count`. The worker also shows what its process uses (`process_…`,"
        f" `python_…`).\n\n{MADE}"
    )
    header = ("Name", "Type", "Labels", "Meaning")
    return intro + "".join(f"\n## {name}\n\n{_table(header, _metrics(found))}" for name, found in METRICS.items())


def _metrics(found: Mapping[str, object]) -> Iterator[Row]:
    for metric in found.values():
        if isinstance(metric, MetricWrapperBase | ingest.metrics.Tally):
            [family] = metric.describe()
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            yield f"`{family.name}`", family.type, labels, family.documentation


def commands_page() -> str:
    """Every command of `weir` with its options."""
    parts = [
        "# Commands\n\n"
        "All of them answer `--help`. Commands find a stack that `weir up` runs on `weir-data` by themselves; with"
        " `WEIR_KAFKA`,\n`WEIR_CLICKHOUSE` or `WEIR_API` set, they go there instead. A command that fails says why on"
        " stderr and exits with 1, one\nthat was called wrongly with 2. The settings behind them are in"
        f" [settings.md](settings.md).\n\n{MADE}"
    ]
    for words, command in every_command():
        context = click.Context(command, info_name=f"weir {words}")
        usage = " ".join(command.collect_usage_pieces(context))
        depth = "##" if " " not in words else "###"
        parts.append(f"\n{depth} weir {words}\n\n`weir {words} {usage}`\n\n{inspect.cleandoc(command.help or '')}\n")
        if options := list(_options(command, context)):
            parts.append("\n" + "".join(options))
    return "".join(parts)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            names, text = record
            yield f"- `{names}`: {text}\n"


def _table(header: Row, rows: Iterable[Row]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "settings.md": settings_page,
        "metrics.md": metrics_page,
        "commands.md": commands_page,
        "raw-click.schema.json": lambda: as_json(raw_click_schema()),
        "enriched-click.schema.json": lambda: as_json(enriched_click_schema()),
        "asyncapi.yml": lambda: as_yaml(asyncapi()),
    }
)
"""File in `docs/` → what it has to hold."""


def main() -> None:
    """Write all pages anew."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
        Console().print(f"docs/{name}")


if __name__ == "__main__":
    main()
