"""Kafka's classpath: asked of Maven once, remembered after; what Maven says is made clear."""

import stat
from pathlib import Path

import click
import pytest

from deploy import preflight
from deploy.kafka import jars

MAVEN = """#!/bin/sh
for word in "$@"; do case "$word" in -Dmdep.outputFile=*) target="${word#*=}";; esac; done
echo "[INFO] Downloaded from central: https://repo.example/org/apache/kafka/one.jar (1.5 MB at 9 MB/s)"
echo "[INFO] Downloaded from central: https://repo.example/org/apache/kafka/two.jar (500 kB at 9 MB/s)"
"""


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program on the PATH; what it does is the test's to write."""
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.touch(mode=0o700)
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def test_maven_is_asked_once(maven: Path, tmp_path: Path) -> None:
    jar = tmp_path / "one.jar"
    jar.touch()
    maven.write_text(f'{MAVEN}echo "{jar}" > "$target"\n')
    said: list[str] = []
    assert jars.classpath(said.append, tmp_path / "cache") == str(jar)
    assert said[-1] == "Apache Kafka: 2 files, 2 MB of about 64 · two.jar"
    maven.unlink()
    assert jars.classpath(said.append, tmp_path / "cache") == str(jar)
    jars.fetchable(tmp_path / "cache")


def test_a_jar_that_is_gone_is_fetched_again(maven: Path, tmp_path: Path) -> None:
    jar = tmp_path / "one.jar"
    maven.write_text(f'{MAVEN}: > "{jar}"; echo "{jar}" > "$target"\n')
    jars.classpath(lambda _: None, tmp_path / "cache")
    jar.unlink()
    jars.classpath(lambda _: None, tmp_path / "cache")
    assert jar.exists()


def test_what_maven_could_not_do_is_said_in_its_words(maven: Path, tmp_path: Path) -> None:
    maven.write_text(
        "#!/bin/sh\necho '[INFO] Scanning'\necho '[ERROR] Could not transfer artifact: Unknown host'\n"
        "echo '[ERROR] [Help 1] http://example'\nexit 1\n"
    )
    with pytest.raises(
        click.ClickException, match=r"(?s)could not fetch Apache Kafka:\n  Could not transfer.*network once"
    ):
        jars.classpath(lambda _: None, tmp_path / "cache")
    left = [path.suffix for path in (tmp_path / "cache").iterdir()]
    assert left == [".lock"]


def test_without_maven_and_without_jars_there_is_no_kafka(maven: Path, tmp_path: Path) -> None:
    maven.unlink()
    with pytest.raises(preflight.Missing, match="Maven is not installed"):
        jars.fetchable(tmp_path / "cache")
