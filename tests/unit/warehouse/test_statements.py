"""Tokens and statements of ClickHouse's SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.statements import split, tokens


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (";;\n;", []),
        ("-- nothing; here\n/* nor; here */ # nor; here\n#! nor; here", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        ("-- first\nSELECT 1; -- second\n SELECT 2 ;\n", ["SELECT 1", "SELECT 2"]),
        (
            "SELECT ';', 'it''s;', '\\';', `a;b`, \"c;d\"; SELECT 2",
            ["SELECT ';', 'it''s;', '\\';', `a;b`, \"c;d\"", "SELECT 2"],
        ),
        ("SELECT $$;$$, $tag$ ; $$ $tag$; x", ["SELECT $$;$$, $tag$ ; $$ $tag$", "x"]),
        ("SELECT 1 -- a; b\n, 2; SELECT /* ; */ 3", ["SELECT 1 -- a; b\n, 2", "SELECT /* ; */ 3"]),
        ("SELECT 'not closed; SELECT 2", ["SELECT 'not closed; SELECT 2"]),
        ("SELECT 1 /* not closed; SELECT 2", ["SELECT 1"]),
        ("SELECT a$$ ; b$$", ["SELECT a$$", "b$$"]),
        ("SELECT 1 #not a comment; x", ["SELECT 1 #not a comment", "x"]),
    ],
)
def test_split(script: str, statements: list[str]) -> None:
    assert split(script) == statements


def test_depth_and_keywords() -> None:
    found = [(token.keyword, token.depth) for token in tokens("insert INTO t (a, f(b)) x")]
    assert found == [
        *[("INSERT", 0), ("INTO", 0), ("T", 0), ("", 0), ("A", 1), ("", 1), ("F", 1)],
        *[("", 1), ("B", 2), ("", 1), ("", 0), ("X", 0)],
    ]


@given(st.text())
def test_any_text_is_cut_without_loss(text: str) -> None:
    last = 0
    for token in tokens(text):
        assert token.start >= last
        assert text[token.start : token.end] == token.text
        last = token.end


@given(st.lists(st.text(alphabet="ab ';`\"\\\n", max_size=8)))
def test_quoted_text_holds_no_statement(parts: list[str]) -> None:
    quoted = [part.replace("\\", "\\\\").replace("'", "\\'") for part in parts]
    statements = [f"SELECT '{part};'" for part in quoted]
    assert split(";\n".join(statements)) == statements
