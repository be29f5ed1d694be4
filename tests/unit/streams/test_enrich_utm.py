from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.enrich.utm import FIELDS, Utm, UtmParameters, normalised, read_taxonomy
from tests.unit.streams.clicks import click, columns

TAXONOMY = read_taxonomy()


def utm(query: str) -> Utm:
    made = UtmParameters(TAXONOMY)(columns(click(query=query)))
    return Utm(*(made[name][0] for name in Utm._fields))


@pytest.mark.parametrize(
    ("spelled", "raw", "canonical"),
    [
        ("email", "email", "email"),
        ("Email", "Email", "email"),
        ("EMAIL", "EMAIL", "email"),
        ("e-mail", "e-mail", "email"),
        ("E_Mail", "E_Mail", "email"),
        ("e%20mail", "e mail", "email"),
        ("e++mail", "e  mail", "email"),
        ("email_marketing", "email_marketing", "email"),
        ("%65mail", "email", "email"),
        ("+email+", " email ", "email"),
        ("%09email%0A", "\temail\n", "email"),
        ("paid-social", "paid-social", "paid social"),
        ("cpc", "cpc", "cpc"),
        ("Unheard+Of", "Unheard Of", "unheard of"),
        ("100%", "100%", "100%"),
        ("%zz%41", "%zzA", "%zza"),
        ("%E4", "\ufffd", "\ufffd"),
        ("caf%C3%A9", "café", "café"),
        ("a=b", "a=b", "a=b"),
    ],
)
def test_a_medium_as_spelled_and_canonical(spelled: str, raw: str, canonical: str) -> None:
    made = utm(f"utm_medium={spelled}")
    assert (made.utm_medium_raw, made.utm_medium) == (raw, canonical)


def test_all_five() -> None:
    made = utm("utm_source=FB&utm_medium=CPC&utm_campaign=Spring&utm_term=Red+Shoes&utm_content=Top&x=1")
    assert made[:5] == ("facebook", "cpc", "spring", "red shoes", "top")
    assert made[5:] == ("FB", "CPC", "Spring", "Red Shoes", "Top")


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("utm_source=&utm_source=a&utm_source=b", "a"),
        ("utm_source=+%20&utm_source=b", "b"),
        ("utm_source", ""),
        ("UTM_Source=a", "a"),
        ("utm_medium=x&amp;utm_source=a", "a"),
        ("utm_sources=a", ""),
        ("xutm_source=a", ""),
        ("&&=&utm_source=a&", "a"),
        ("", ""),
    ],
)
def test_which_parameter_counts(query: str, source: str) -> None:
    assert utm(query).utm_source == source


def test_an_alias_belongs_to_its_field() -> None:
    assert utm("utm_campaign=e-mail").utm_campaign == "e-mail"


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=300))
def test_any_query_is_read(query: str) -> None:
    made = utm(query)
    assert all(value == normalised(value) for value in made[:5])


def test_a_cached_answer_is_the_same() -> None:
    enricher = UtmParameters(TAXONOMY, cache_size=4)
    clicks = [click(query=f"utm_source=s{i % 3}&utm_campaign=c{i % 7}&id={i}") for i in range(50)]
    made = enricher(columns(*clicks))
    assert made["utm_source"] == [f"s{i % 3}" for i in range(50)]
    assert made["utm_campaign_raw"] == [f"c{i % 7}" for i in range(50)]


def test_the_shipped_taxonomy_is_consistent() -> None:
    for field in FIELDS:
        for spelling, canonical in TAXONOMY[field].items():
            assert spelling == normalised(spelling)
            assert canonical not in TAXONOMY[field], f"{canonical} of {field} is a spelling and a canonical value"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("source: [a]", "must map a canonical value"),
        ("source: {a: b}", "must be a list of spellings"),
        ("source: {a: [x], b: [X]}", "`x` stands for two values"),
        ("sauce: {}", "must hold the fields"),
        ("- a", "must hold the fields"),
        ("source: {a: [", "can't be read"),
    ],
)
def test_a_wrong_taxonomy_says_what_is_wrong(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(content)
    with pytest.raises(ValueError, match=problem):
        read_taxonomy(file)
    with pytest.raises(ValueError, match="can't be read"):
        read_taxonomy(tmp_path / "none.yml")


def test_a_taxonomy_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text("source:\n  Partner X: [px, 7]\ncampaign:\n")
    made = UtmParameters(read_taxonomy(file))(columns(click(query="utm_source=PX"), click(query="utm_source=7")))
    assert made["utm_source"] == ["partner x", "partner x"]
