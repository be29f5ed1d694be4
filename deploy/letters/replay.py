"""Letters that today's decoder can read go back into the stream.

Nothing is counted twice: each goes to `clicks.raw` again with the number that its redirector gave it, flagged as sent
again, so it counts unless a record with that number counted already. The row of the old offset stays what it was,
`dead`. A letter is marked after Kafka has it: a crash in between sends it once more, which is a duplicate then.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
from clickhouse_connect.driver.client import Client

from deploy.imports.outbox import Outbox
from ingest.events import RawClick
from streams.decode import MAX_PAYLOAD, decode_letter
from warehouse.letters import Chosen, Letter, set_replayed, waiting


@dataclasses.dataclass
class Replayed:
    """How many letters there were, by reason."""

    readable: Counter[str] = dataclasses.field(default_factory=Counter)
    """Today's decoder reads them; they were put back, unless it was a trial."""
    unreadable: Counter[str] = dataclasses.field(default_factory=Counter)
    cut: Counter[str] = dataclasses.field(default_factory=Counter)
    """Of their payload only the beginning is kept."""

    def as_dict(self) -> dict[str, dict[str, int]]:
        """As JSON has it."""
        return {field.name: dict(getattr(self, field.name)) for field in dataclasses.fields(self)}


def replay(client: Client, chosen: Chosen, outbox: Outbox | None, tell: Callable[[int], None]) -> Replayed:
    """Put back what can be; without an outbox nothing is sent or marked.

    Raises `Undelivered`, and what clickhouse-connect does; run again it goes on with what is left.
    """
    found = Replayed()
    for letters in waiting(client, chosen):
        readable = list(_readable(letters, found))
        if outbox:
            for _, click in readable:
                outbox.put(click)
            outbox.flush()
            set_replayed(client, [letter for letter, _ in readable])
        tell(len(letters))
    return found


def _readable(letters: Sequence[Letter], found: Replayed) -> list[tuple[Letter, RawClick]]:
    readable = []
    for letter in letters:
        try:
            click = decode_letter(letter.payload)
        except (msgspec.DecodeError, ValueError):
            (found.cut if letter.payload_size > MAX_PAYLOAD else found.unreadable)[letter.reason] += 1
        else:
            found.readable[letter.reason] += 1
            readable.append((letter, click))
    return readable
