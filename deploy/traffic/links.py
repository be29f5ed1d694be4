"""The links that the traffic clicks on, made through the API."""

import time

import httpx

from api.client import Client, describe
from deploy.traffic.mix import Mix
from deploy.traffic.sender import Target

TAKEN = 409
WAIT_SECONDS = 30.0


class LinksRefused(RuntimeError):
    """The API did not make the links; the message says why."""


def make_links(client: Client, mix: Mix, domain: str) -> int:
    """Make the mix's links in `domain`; those that are there stay as they are. Returns how many are new.

    Raises `LinksRefused` and `api.client.ApiFailure`.
    """
    results = client.add_links([{"domain": domain, "slug": slug, **fields} for slug, fields in mix.links.items()])
    for slug, result in zip(mix.links, results, strict=True):
        if result["status"] >= 400 and result["status"] != TAKEN:
            raise LinksRefused(f"The API refuses the link {domain}/{slug}: {describe(result['error'])}")
    return sum(result["status"] < 400 for result in results)


def wait_for_links(target: Target, mix: Mix) -> None:
    """Wait until the redirector knows the links; HEAD leaves no event. Raises `LinksRefused`."""
    deadline = time.monotonic() + WAIT_SECONDS
    address = f"http://{target.host}:{target.port}"
    with httpx.Client(base_url=address, headers={"host": target.domain}, trust_env=False) as client:
        for slug in mix.mail:
            while not _is_known(client, slug):
                if time.monotonic() > deadline:
                    raise LinksRefused(
                        f"The redirector at {client.base_url} still does not know {target.domain}/{slug}."
                    )
                time.sleep(0.1)


def _is_known(client: httpx.Client, slug: str) -> bool:
    try:
        return client.head(f"/{slug}").is_redirect
    except httpx.HTTPError as error:
        raise LinksRefused(f"The redirector at {client.base_url} does not answer: {error}") from None
