import pytest

from streams.enrich.language import Language, language
from tests.unit.streams.clicks import click, columns


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("en", "en"),
        ("pt-BR", "pt-br"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-br"),
        ("en;q=0.5, de;q=0.9", "de"),
        ("en;q=0.8,de;q=0.8", "en"),
        ("da, en-gb;q=0.8, en;q=0.7", "da"),
        ("fr ; q = 0.4 , es ;q=1.0", "es"),
        ("zh-Hant-TW", "zh-hant-tw"),
        ("de_AT", "de-at"),
        ("*", ""),
        ("*,fr;q=0.1", "fr"),
        ("en;q=0", ""),
        ("en;q=0,nl;q=0.001", "nl"),
        ("en;q=high,it;q=0.2", "it"),
        ("en;q=2,it;q=0.2", "it"),
        ("en;q=-1", ""),
        ("en;q=٣,sv", "sv"),
        ("", ""),
        (",,;;", ""),
        ("../../etc/passwd", ""),
        ("verylonglanguage", ""),
        ("en-US,en;q=0.9" + ",x" * 100, "en-us"),
        ("español", ""),
    ],
)
def test_language(header: str, expected: str) -> None:
    assert language(header) == expected


def test_a_batch() -> None:
    assert Language()(columns(click(language="pt-BR,en;q=0.5"), click())) == {"language": ["pt-br", ""]}
