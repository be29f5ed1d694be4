"""`weir traffic`: real HTTP requests in a realistic mix, and a manifest of what was sent."""

import json
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.console import Console

from api.client import ApiFailure
from api.settings import CliSettings
from deploy.connected import api_client
from deploy.traffic.agents import NoAgents
from deploy.traffic.links import LinksRefused, make_links, wait_for_links
from deploy.traffic.manifest import Manifest
from deploy.traffic.mix import load_mix
from deploy.traffic.run import Run, run, show, summarise
from deploy.traffic.sender import Target


def _target(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    url = urlsplit(value)
    if url.scheme != "http" or not url.hostname or url.path.strip("/") or url.query:
        raise click.BadParameter("it has to be http://HOST[:PORT] and nothing more")
    return url.hostname, url.port or 80


@click.command()
@click.option(
    "--url", "address", default="http://127.0.0.1:8080", show_default=True, callback=_target, help="The redirector."
)
@click.option("--domain", default="localhost", show_default=True, help="Domain that is asked for (Host header).")
@click.option("--clicks", type=click.IntRange(1), default=1000, show_default=True, help="Requests that leave a row.")
@click.option("--seed", type=int, help="The same seed sends the same requests [default: a random one, printed].")
@click.option("--rate", type=click.FloatRange(0), default=0.0, help="Requests/s [default: as fast as answers come].")
@click.option(
    "--connections", type=click.IntRange(1, 1000), default=16, show_default=True, help="How many send at once."
)
@click.option("--make-links", "links", is_flag=True, help="First make the links that are clicked on, through WEIR_API.")
@click.option(
    "--manifest",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("traffic.ndjson"),
    show_default=True,
    help="Where it is written what was sent.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    address: tuple[str, int],
    *,
    domain: str,
    clicks: int,
    seed: int | None,
    rate: float,
    connections: int,
    links: bool,
    path: Path,
    as_json: bool,
) -> None:
    """Send realistic clicks to a redirector, and remember what was sent.

    People by real browsers' weights from many countries, crawlers, prefetches, mail scanners, double clicks, dirty
    parameters, dead links. The redirector has to trust this machine as a proxy (WEIR_TRUSTED_PROXIES=127.0.0.0/8), or
    all visitors come from here; with WEIR_SHOW_CLICK_ID=true the manifest has the id of each click.
    """
    console = Console(stderr=True, highlight=False)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    what = Run(Target(*address, domain), seed, clicks, rate, connections)
    try:
        if links:
            _make_links(what.target, console)
        with Manifest(path) as manifest:
            seconds = run(what, manifest, console)
    except (NoAgents, LinksRefused, ApiFailure) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(_explain(error, address)) from None
    summary = summarise(what, manifest, seconds, path)
    if as_json:
        click.echo(json.dumps(summary))
        return
    show(summary, Console(highlight=False))
    click.echo(f"Seed {seed}; what was sent is in {path}.")


def _explain(error: OSError, address: tuple[str, int]) -> str:
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}. Choose another file with `--manifest`."
    return (
        f"No redirector answers at http://{address[0]}:{address[1]} ({error.strerror or error})."
        " Start one (`weir up`), or name another with `--url`."
    )


def _make_links(target: Target, console: Console) -> None:
    mix = load_mix()
    with api_client(CliSettings()) as client:
        made = make_links(client, mix, target.domain)
    wait_for_links(target, mix)
    console.print(f"{made} of {len(mix.links)} links are new in {target.domain}.")
