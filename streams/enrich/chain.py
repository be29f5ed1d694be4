"""The order of the enrichers, and what each is made with."""

from collections.abc import Sequence
from pathlib import Path

from streams.enrich.channel import Channels
from streams.enrich.click_ids import ClickIds
from streams.enrich.enricher import Enricher
from streams.enrich.geo import Geo
from streams.enrich.language import Language
from streams.enrich.mmdb import Databases
from streams.enrich.parameters import Parameters
from streams.enrich.position import Position
from streams.enrich.referrer import Referrers
from streams.enrich.user_agent import UserAgents
from streams.enrich.utm import DEFAULT_TAXONOMY, UtmParameters, read_taxonomy
from warehouse.columns import Coded, Columns


def enrichers(
    *, geo_dir: Path | None = None, taxonomy: Path = DEFAULT_TAXONOMY, cache_size: int = 50_000
) -> tuple[Enricher, ...]:
    """All enrichers in the order in which they run; each column of `ENRICHED_COLUMNS` but `extra` is made by one.

    `cache_size` bounds each enricher's cache, in entries. Raises `ValueError` for a taxonomy that is none, and
    `RuntimeError` where ua-parser's fast engine is missing.
    """
    return (
        UserAgents(cache_size),  # device, browser, system
        Geo(Databases(geo_dir), cache_size),  # country, region, city, network
        Referrers(cache_size),  # host, domain and name of the referring site
        Parameters(),  # what of the query the next two look at
        UtmParameters(read_taxonomy(taxonomy), cache_size),  # campaign parameters, canonical and as spelled
        ClickIds(cache_size),  # which click id was there
        Channels(cache_size),  # needs referrer, UTM and click id
        Position(cache_size),  # the fifth of the page
        Language(cache_size),  # what the visitor reads
    )


def systems(chain: Sequence[Enricher], columns: Columns) -> Coded[int]:
    """The autonomous system of each click's network, which is asked for before the enrichers run; 0 without `Geo`."""
    geo = next((enricher for enricher in chain if isinstance(enricher, Geo)), None)
    return geo.systems(columns) if geo else Coded.constant(0, len(columns["network"]))


def refresh(chain: Sequence[Enricher]) -> None:
    """Take changed geo databases into use; call it between batches, it costs a listing of their folder."""
    for enricher in chain:
        if isinstance(enricher, Geo):
            enricher.refresh()
