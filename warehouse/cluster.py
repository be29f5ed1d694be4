"""One source of the schema for one server and for a cluster: a statement gets what a cluster needs when it is run.

`ON CLUSTER` goes behind the name of what is made or changed, and tables that keep data become replicated ones; where
their replicas meet is the server's own default (`default_replica_path`). The fences stay as they are: each server has
its own.
"""

from collections.abc import Sequence

from warehouse.statements import Token, tokens

MADE = frozenset({"TABLE", "VIEW", "DICTIONARY", "DATABASE"})
"""What a migration makes, changes or drops, by its keyword; the name follows."""
BETWEEN = ("IF", "NOT", "EXISTS")
"""What may stand between the keyword and the name."""


def for_cluster(statement: str, cluster: str) -> str:
    """The statement as it is run on all servers of a cluster; as it is where there is none.

    Raises `ValueError` for one that neither makes, changes nor drops anything that has a name.
    """
    if not cluster:
        return statement
    found = list(tokens(statement))
    places = {_name(found).end: f" ON CLUSTER '{cluster}'"}
    places |= {token.start: "Replicated" for token in _engines(found)}
    for place in sorted(places, reverse=True):
        statement = statement[:place] + places[place] + statement[place:]
    return statement


def _name(found: Sequence[Token]) -> Token:
    """The last token of the name, which may be `database.table`."""
    at = next((place for place, token in enumerate(found) if token.keyword in MADE), None)
    if at is None or found[0].keyword not in {"CREATE", "ALTER", "DROP"}:
        raise ValueError(f"no cluster can run this: {' '.join(token.text for token in found[:5])} …")
    at += 1
    while found[at].keyword in BETWEEN:
        at += 1
    return found[at + 2] if at + 1 < len(found) and found[at + 1].text == "." else found[at]


def _engines(found: Sequence[Token]) -> list[Token]:
    """The names of engines of the MergeTree family; one that is replicated already is none of them."""
    return [
        engine
        for word, sign, engine in zip(found, found[1:], found[2:], strict=False)
        if word.keyword == "ENGINE" and sign.text == "=" and engine.text.endswith("MergeTree")
        if not engine.text.startswith("Replicated")
    ]
