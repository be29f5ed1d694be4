"""The rules' version: which rules judged a row, and named its channel."""

import hashlib
from pathlib import Path

from streams.enrich import channel, click_ids, sources
from streams.judge import networks, patterns
from streams.judge.reasons import WEIGHTS
from streams.judge.user_agents import listed_crawlers
from streams.windows.rules import WindowRules


def rules_version(taxonomy: Path, windows: WindowRules, lists: Path | None = None) -> str:
    """Version of all rules that judge and that name the channel: twelve hexadecimal digits, from their content.

    `taxonomy` and `lists` are the users' own files.
    """
    digest = hashlib.sha256(channel.DIALECT.encode())
    own = [lists] if lists else []
    for file in (patterns.RULES, networks.NETWORKS, click_ids.RULES, sources.RULES, taxonomy, *own):
        digest.update(file.read_bytes())
    for pattern in listed_crawlers():
        digest.update(pattern.encode())
    digest.update(repr((list(WEIGHTS.items()), windows)).encode())
    return digest.hexdigest()[:12]
