"""Clicks as a layer of the judge gets them."""

from typing import Any

from tests.unit.streams.clicks import click, columns
from warehouse.columns import Column

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"


def seen(*, asn: int = 0, referrer_host: str = "", **fields: Any) -> dict[str, Column]:
    """One click of a browser but for the given fields, with what the enrichers found out."""
    return {**columns(click(**{"user_agent": BROWSER} | fields)), "asn": [asn], "referrer_host": [referrer_host]}
