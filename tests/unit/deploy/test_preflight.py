"""What is missing is named, with how to get it."""

import stat
from pathlib import Path

import pytest

from deploy import preflight


@pytest.mark.parametrize(
    ("said", "release"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("The operation couldn’t be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_release_of_a_java(said: str, release: int | None) -> None:
    assert preflight.java_release(said) == release


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(preflight.Missing, match=r"Java 17 or newer is not installed.*apt install.*--broker mock"):
        preflight.java()


def test_an_old_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(preflight.Missing, match=r"needs Java 17 or newer, and .*/java is Java 11"):
        preflight.java()


def test_a_java_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(preflight.Missing, match="does not answer like a Java: 'Unable to locate"):
        preflight.java()


def test_no_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(preflight.Missing, match=r"Maven is not installed.*apt install maven.*--broker mock"):
        preflight.maven()


def test_a_full_disk(tmp_path: Path) -> None:
    preflight.disk(tmp_path, 1)
    with pytest.raises(preflight.Missing, match=rf"disk of {tmp_path} is nearly full.*--data DIR"):
        preflight.disk(tmp_path, 1 << 60)
