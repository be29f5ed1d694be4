"""Own enrichers are found by module, by file and by entry point; what can't be had refuses the start."""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from streams.endings import exit_code
from streams.extension import Click
from streams.own.find import offered
from streams.own.load import GROUP, OwnEnricher, WrongEnricher, own_enrichers, with_own

MODULE = """
from streams.extension import Added

def company(click):
    return Added({"company": click.network})

class Count:
    def __init__(self):
        self.seen = 0
    def __call__(self, click):
        self.seen += 1
        return Added({"seen": str(self.seen)})

class Wants:
    def __init__(self, file):
        pass

class Useless:
    pass

NUMBER = 7
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import no_such_module")
    (tmp_path / "failing.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["mine:company", "mine.py:company", "./mine.py:company"])
def test_a_function_is_found_by_module_and_by_file(name: str) -> None:
    [found] = own_enrichers(name)
    assert found.name == name
    assert found.make()(Click(network="192.0.2.0/24")).fields == {"company": "192.0.2.0/24"}
    assert found.source == MODULE.encode()


def test_the_order_is_the_settings() -> None:
    assert [one.name for one in own_enrichers(" mine:Count, mine:company,")] == ["mine:Count", "mine:company"]
    assert own_enrichers("") == ()


def test_a_class_is_made_anew_for_each_partition() -> None:
    [found] = own_enrichers("mine:Count")
    first, second = found.make(), found.make()
    assert [first(Click()).fields["seen"], first(Click()).fields["seen"]] == ["1", "2"]
    assert second(Click()).fields["seen"] == "1"


def test_a_file_is_run_once_however_it_is_written() -> None:
    first, second = own_enrichers("mine.py:company,./mine.py:Count")
    assert first.make().__globals__ is sys.modules[second.make().__class__.__module__].__dict__


class Package(Distribution):
    """An installed package with an enricher."""

    def read_text(self, filename: str) -> str | None:
        return {
            "entry_points.txt": "[weir.enrichers]\ncompany = mine:company\n",
            "METADATA": "Name: mine\nVersion: 1\n",
        }.get(filename)

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


class Finder:
    def find_spec(self, *_: object) -> None:
        return None

    def find_distributions(self, _context: object) -> Iterator[Distribution]:
        yield Package()


def test_an_entry_point_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert offered(GROUP) == ("company",)
    [found] = own_enrichers("company")
    assert (found.name, found.source) == ("company", MODULE.encode())
    with pytest.raises(WrongEnricher, match=r"no installed package offers it.*: company\)"):
        own_enrichers("fraud")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such:company", "there is no module 'no_such'"),
        ("no.such.thing:company", "there is no module 'no'"),
        ("none.py:company", "there is no file none.py"),
        ("mine:no_such", "mine has no 'no_such'"),
        ("mine:NUMBER", "an enricher is a function"),
        ("mine:Useless", "an enricher is a function"),
        ("mine:Wants", "raised TypeError"),
        ("broken:company", "raised ModuleNotFoundError: No module named 'no_such_module' (broken.py, line 1)"),
        ("failing.py:company", "raised ZeroDivisionError: division by zero (failing.py, line 1)"),
        (":company", "raised ValueError"),
        ("company", "no installed package offers it (entry points of weir.enrichers: none)"),
        ("mine:company,mine:company", "is named twice"),
    ],
)
def test_what_can_not_be_had_refuses_the_start(name: str, reason: str) -> None:
    with pytest.raises(WrongEnricher) as refused:
        own_enrichers(name)
    assert str(refused.value).startswith(f"WEIR_ENRICHERS: {name.partition(',')[0]}: ")
    assert reason in str(refused.value)
    assert exit_code(refused.value) == 78


def test_the_rules_version_changes_with_own_enrichers_their_order_and_what_is_in_them() -> None:
    one, other, changed = (
        OwnEnricher(name, lambda: print, source) for name, source in (("a", b"1"), ("b", b"1"), ("a", b"2"))
    )
    assert with_own("v", ()) == "v"
    versions = [with_own("v", own) for own in ([one], [one, other], [other, one], [changed])]
    assert len({*versions, with_own("w", [one])}) == 5
    assert all(len(version) == 12 for version in versions)
