"""docs/deployment.md says what is so: its overrides, commands and numbers fit the repository."""

import re
import shlex
from typing import Any

import click
import pytest
import yaml

from deploy.cli import weir
from deploy.settings import every_setting
from ingest.direct import KEEP_ALIVE_SECONDS
from tests.unit.deploy.compose_file import ROOT, read, variables_of_the_file

PAGE = (ROOT / "docs" / "deployment.md").read_text()
COMPOSE = read(dict.fromkeys(variables_of_the_file(), "secret"))


class Override(yaml.SafeLoader):
    """Reads Compose's `!reset` too."""


Override.add_constructor("!reset", lambda loader, node: None)


def blocks(language: str) -> list[str]:
    """The page's blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """Every `docker compose …` command, its words after `compose`."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[2:] for line in lines if line.startswith("docker compose ")]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_overrides_fit_the_compose_file(text: str) -> None:
    loaded: dict[str, Any] = yaml.load(text, Override)  # a subclass of the safe loader
    assert loaded["services"].keys() <= COMPOSE["services"].keys()
    assert loaded.get("networks", {}).keys() <= COMPOSE["networks"].keys()
    for service in loaded["services"].values():
        assert set(service.get("networks", [])) <= COMPOSE["networks"].keys()


def test_every_variable_is_a_setting() -> None:
    known = {setting.variable for setting in every_setting()}
    assert set(re.findall(r"\bWEIR_[A-Z_]*[A-Z]\b(?!…)", PAGE)) <= known


def test_the_first_commands_set_what_has_to_be_set() -> None:
    (names,) = re.findall("for name in (.*); do", PAGE)
    assert sorted(names.split()) == sorted(name for name, must in variables_of_the_file().items() if must)


@pytest.mark.parametrize("words", [words for words in commands() if words[0] in ("exec", "run")], ids=" ".join)
def test_commands_in_containers_exist(words: list[str]) -> None:
    service, *rest = [word for word in words[1:] if word != "--rm"]
    assert service in COMPOSE["services"]
    if rest:
        program, *arguments = rest if words[0] == "exec" else ["weir", *rest]  # the image's entry point
        assert program == "weir"
        group: click.Command = weir
        while isinstance(group, click.Group):
            found = group.get_command(click.Context(group), arguments.pop(0))
            assert found is not None
            group = found
        group.make_context(program, arguments)


def test_the_proxy_hangs_up_before_the_redirector_does() -> None:
    (upstream,) = re.findall(r"upstream weir_redirector \{.*?keepalive_timeout (\d+)s", PAGE, re.DOTALL)
    assert int(upstream) < KEEP_ALIVE_SECONDS
    assert f"the redirector's {KEEP_ALIVE_SECONDS} s" in PAGE


def test_its_numbers_are_those_of_the_files() -> None:
    for name in ("redirector", "worker"):
        period = COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")
        assert re.search(rf"the {name} {period}\b", PAGE)
    for port in ("127.0.0.1:8080", "127.0.0.1:8090"):
        assert f"`{port}`" in PAGE
