"""What a trial shows: the clicks with what each step added, and why each counts as what it does."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.text import Text

from deploy.printable import printable
from deploy.trial import Trial
from streams.chain import JUDGE
from streams.enriched import EnrichedClick, encode, enriched_clicks
from streams.extension import OwnReason
from streams.judge.reasons import WEIGHTS, Reason
from streams.views import view
from warehouse.columns import Columns
from warehouse.events import ENRICHED_COLUMNS, Outcome

WHY: Mapping[str, str] = MappingProxyType(
    {
        Outcome.DUPLICATE: "the same click id came before",
        Outcome.REPEAT: "the same visitor on the same link again within WEIR_REPEAT_WINDOW",
        Outcome.HUMAN: "no reason against it",
        Outcome.SOURCE: "a redirector's own word",
        Outcome.ORPHAN: "no link has this slug",
        Outcome.EXPIRED: "the link is not valid yet, or no longer",
        Outcome.DISABLED: "the link is switched off",
    }
)
"""What an outcome comes from where it is no reason's class."""

EMPTY = EnrichedClick()


def as_json_lines(trial: Trial) -> Iterator[str]:
    """The rows as `clicks.enriched` would have them."""
    if trial.lines:
        yield from (encode(row).decode() for row in enriched_clicks(trial.rows))


def show(trial: Trial, console: Console) -> None:
    """Print each click: a line for each step that added something, then what the click counts as, and why."""
    if not trial.lines:
        return
    width = max(len(name) for name, _ in trial.steps) + 2
    own = _own_reasons(trial)
    for place, (line, row) in enumerate(zip(trial.lines, enriched_clicks(trial.rows), strict=True)):
        at = datetime.fromtimestamp(row.ts / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        asked = printable(f"{row.domain}{row.path}")
        console.print(Text.assemble((f"line {line.number}", "bold"), f"  {at} UTC  {row.kind}  ", asked))
        for name, said in _added(trial.steps, place):
            console.print(Text.assemble("  ", (f"{name:<{width}}", "cyan"), printable(said)))
        because = "; ".join(_because(row, own[place]))
        outcome = (row.outcome, "bold green" if row.outcome in {"human", "suspect"} else "bold yellow")
        console.print(Text.assemble("  ", (f"{JUDGE:<{width}}", "cyan"), outcome, f", score {row.score}: {because}\n"))


def _added(steps: Sequence[tuple[str, Columns]], place: int) -> Iterator[tuple[str, str]]:
    """Step → what it added to one click: the columns that are not as they would be without."""
    before: dict[str, Any] = {}
    for name, made in steps[1:-1]:
        found = {column: values[place] for column, values in view(made, ENRICHED_COLUMNS).items()}
        fields = found.pop("extra", {})
        said = [f"{column} {value}" for column, value in found.items() if value != getattr(EMPTY, column)]
        said += [f"extra.{field} {value}" for field, value in fields.items() if before.get(field) != value]
        before |= fields
        if said:
            yield name, " · ".join(said)


def _because(row: EnrichedClick, own: Mapping[str, OwnReason]) -> Iterator[str]:
    if row.outcome in WHY:
        yield WHY[row.outcome]
    for reason in row.reasons:
        weight = own[reason] if reason in own else WEIGHTS[Reason(reason)]
        yield f"{reason} ({weight.verdict.value} {weight.score})"


def _own_reasons(trial: Trial) -> Sequence[Mapping[str, OwnReason]]:
    found = trial.rows.get("own_reasons") or [()] * len(trial.lines)
    return [{reason.stored: reason for reason in reasons} for reasons in found]
