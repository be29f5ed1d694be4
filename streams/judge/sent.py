"""Sent: mails whose links were followed sooner than anybody can have read them."""

import tomllib
from pathlib import Path

import numpy as np

from streams.judge.patterns import RULES
from streams.judge.reasons import BIT, Bits, Reason
from warehouse.columns import Columns


class SentLayer:
    """Reasons by the time from the sending of a mail (`w_sent`) to the click.

    The sender's clock is another than the redirector's, so a click that seems to come shortly before counts as well.
    """

    def __init__(self, rules: Path = RULES) -> None:
        table = tomllib.loads(rules.read_text(encoding="utf-8"))[Reason.SENT_JUST_NOW]
        self._within: int = table["within_ms"]

    def __call__(self, columns: Columns) -> Bits:
        """The reasons of every click."""
        sent, ts = (np.asarray(columns[name], np.int64) for name in ("sent_at", "ts"))
        near = (sent != 0) & (np.abs(ts - 1000 * sent) <= self._within)
        return np.where(near, BIT[Reason.SENT_JUST_NOW], 0)
