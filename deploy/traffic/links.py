"""The links that the traffic clicks on, made through the API."""

import time
from typing import Any

import httpx

from deploy.traffic.mix import Mix
from deploy.traffic.sender import Target

TAKEN = 409
WAIT_SECONDS = 30.0


class LinksRefused(RuntimeError):
    """The API did not make the links; the message says why."""


def make_links(api: str, token: str, mix: Mix, domain: str) -> int:
    """Make the mix's links in `domain`; those that are there stay as they are. Returns how many are new.

    Raises `LinksRefused`.
    """
    body = {"links": [{"domain": domain, "slug": slug, **fields} for slug, fields in mix.links.items()]}
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.post(f"{api}/v1/links/bulk", json=body, headers=headers, timeout=60, trust_env=False)
        answer.raise_for_status()
        results: list[dict[str, Any]] = answer.json()["results"]
    except httpx.HTTPStatusError as error:
        raise LinksRefused(f"The API at {api} answers {error.response.status_code}: {error.response.text}") from None
    except (httpx.HTTPError, ValueError) as error:
        raise LinksRefused(f"The API at {api} (WEIR_API) does not answer as it should: {error}") from None
    for slug, result in zip(mix.links, results, strict=True):
        if result["status"] >= 400 and result["status"] != TAKEN:
            raise LinksRefused(f"The API refuses the link {domain}/{slug}: {result['error']['message']}")
    return sum(result["status"] < 400 for result in results)


def wait_for_links(target: Target, mix: Mix) -> None:
    """Wait until the redirector knows the links; HEAD leaves no event. Raises `LinksRefused`."""
    deadline = time.monotonic() + WAIT_SECONDS
    with httpx.Client(base_url=f"http://{target.host}:{target.port}", headers={"host": target.domain}) as client:
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
