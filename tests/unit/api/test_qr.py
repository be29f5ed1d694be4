"""QR codes: a real decoder reads them, whatever they look like; what can't be read is refused."""

import io
import re

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from api.errors import BadRequest
from api.links.qr import LARGEST, LEVELS, Look, draw, etag, look_of

ADDRESS = "https://go.example/spring-sale"
SCANNED = "https://go.example/spring-sale?w_qr=1"
LOOKS = [
    Look(),
    Look(size=200, margin=0),
    Look(size=64, margin=2, error="L"),
    Look(size=1000, margin=10, error="H", dark="#0a3c78", light="#fff0d0"),
    Look(error="Q", light="transparent"),
]


def pixels(image: bytes) -> Image.Image:
    """A PNG on white ground, with room around it."""
    with Image.open(io.BytesIO(image)) as opened:
        picture = opened.convert("RGBA")
    ground = Image.new("RGBA", (picture.width + 80, picture.height + 80), "white")
    ground.alpha_composite(picture, (40, 40))
    return ground.convert("L")


def decoded(image: Image.Image) -> list[tuple[str, str]]:
    return [(code.text, code.ec_level) for code in zxingcpp.read_barcodes(np.asarray(image))]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_a_png_is_read_and_has_its_size(look: Look) -> None:
    image = draw(ADDRESS, "png", look)
    assert decoded(pixels(image)) == [(SCANNED, look.error)]
    with Image.open(io.BytesIO(image)) as opened:
        width, height = opened.size
    assert width == height
    assert look.size / 2 < width <= look.size


def drawn(svg: str) -> Image.Image:
    """What an SVG of one scaled group of horizontal strokes shows, a pixel a module and then eight."""
    scale = float(re.findall(r"scale\(([\d.]+)\)", svg)[0])
    side = round(float(re.findall(r'width="([\d.]+)"', svg)[0]) / scale)
    modules = np.full((side, side), 255, np.uint8)
    [path] = re.findall(r'class="qrline" stroke="[^"]+" d="([^"]+)"', svg)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            modules[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
        else:
            x, y = values if command == "M" else (x + values[0], y + values[1])
    return Image.fromarray(np.kron(modules, np.ones((8, 8), np.uint8)))


def test_an_svg_is_read_and_has_its_size() -> None:
    svg = draw(ADDRESS, "svg", Look(size=300, error="H", dark="#0a3c78")).decode()
    assert decoded(drawn(svg)) == [(SCANNED, "H")]
    assert 'stroke="#0a3c78"' in svg
    assert re.findall(r'(?:width|height)="([\d.]+)"', svg)[:2] == ["300.0", "300.0"]


def test_an_address_with_a_query_keeps_it() -> None:
    image = draw(f"{ADDRESS}?a=b", "png", Look())
    assert decoded(pixels(image)) == [(f"{ADDRESS}?a=b&w_qr=1", "M")]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"size": "63"}, "size"),
        ({"size": str(LARGEST + 1)}, "size"),
        ({"size": "9" * 5000}, "size"),
        ({"size": "-100"}, "size"),
        ({"margin": "33"}, "margin"),
        ({"margin": "x"}, "margin"),
        ({"error": "Z"}, "error"),
        ({"dark": "red"}, "dark"),
        ({"dark": '#000"/><script>'}, "dark"),
        ({"dark": "transparent"}, "dark"),
        ({"light": "#000000"}, "light"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_code_is_named(given: dict[str, str], field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        look_of(given)
    assert refused.value.field == field


def test_a_look_is_read_from_an_address() -> None:
    given = {"size": "100", "margin": "1", "error": "h", "dark": "0A64C8", "light": "transparent"}
    assert look_of(given) == Look(100, 1, "H", "#0a64c8", "transparent")
    assert look_of({}) == Look()


@pytest.mark.parametrize("error", LEVELS)
def test_a_code_without_room_is_refused(error: str) -> None:
    with pytest.raises(BadRequest) as refused:
        draw(ADDRESS + "x" * 4000, "png", Look(error=error))
    assert refused.value.field == "error"
    with pytest.raises(BadRequest) as refused:
        draw(ADDRESS + "x" * 200, "png", Look(size=64, error=error))
    assert refused.value.field == "size"


def test_the_tag_is_of_what_the_image_is_made_of() -> None:
    tags = {etag(ADDRESS, "svg", look) for look in LOOKS} | {etag(ADDRESS, "png", Look()), etag("x", "svg", Look())}
    assert len(tags) == len(LOOKS) + 2
    assert etag(ADDRESS, "svg", Look()) == etag(ADDRESS, "svg", Look())
