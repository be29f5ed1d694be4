"""docs/signed-links.md: the recipe is run as it stands there, and redirectors take its addresses and the vectors."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.signed import SignedLink, sign, verify

PAGE = (Path(__file__).parents[2] / "docs" / "signed-links.md").read_text()
SECRET = bytes(range(32))
KEY = {"id": "k1", "secret": base64.b64encode(SECRET).decode()}
ROW = re.compile(r"^\|" + r"([^|]*)\|" * 5 + "$", re.MULTILINE)
VECTORS = [tuple(cell.strip(" `") for cell in row) for row in ROW.findall(PAGE)[2:]]


@pytest.fixture
def signed_address() -> Callable[..., str]:
    """What the block defines, from nothing but what the block imports."""
    [block] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)) <= {"base64", "hmac", "urllib"}
    defined: dict[str, Any] = {}
    exec(block, defined)
    made: Callable[..., str] = defined["signed_address"]
    return made


def test_the_recipe_signs_what_a_redirector_takes(signed_address: Callable[..., str]) -> None:
    address = signed_address(
        KEY, "go.example", "https://example.com/a?b=%E4#c", 1_800_000_000, w_msg="spring 1", w_rcpt="ö/&=", w_pos=3
    )
    assert verify(address.removeprefix("https://go.example/"), {"k1": SECRET}) == SignedLink(
        "go.example", "https://example.com/a?b=%E4#c", "w_msg=spring+1&w_rcpt=%C3%B6%2F%26%3D&w_pos=3", 1_800_000_000
    )


def test_the_recipe_and_the_command_write_the_same_address(signed_address: Callable[..., str]) -> None:
    ours = sign(SignedLink("go.example", "https://example.com/", "w_msg=m1"), "k1", SECRET)
    assert signed_address(KEY, "go.example", "https://example.com/", w_msg="m1") == f"https://go.example/{ours}"


@pytest.mark.parametrize(("domain", "destination", "expires", "parameters", "address"), VECTORS)
def test_vectors(domain: str, destination: str, expires: str, parameters: str, address: str) -> None:
    link = SignedLink(domain, destination, parameters, int(expires))
    assert "/" + sign(link, "k1", SECRET) == address
    assert verify(address.removeprefix("/"), {"k1": SECRET}) == link


def test_the_key_of_the_vectors_is_the_one_that_is_named() -> None:
    assert KEY["secret"] in PAGE
    assert len(VECTORS) == 3
