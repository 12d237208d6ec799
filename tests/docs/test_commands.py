"""Every command on a page exists, with its options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from botocore.session import Session
from click.testing import CliRunner

from admin.__main__ import admin
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, ident, spans

# Not Gantry's to test: programs of the shell and of others.
OTHERS = {"python3", ".", "pip", "export", "atlas"}


def _lines(page: Path) -> Iterator[str]:
    for block in blocks(page):
        if block.language in ("sh", ""):
            yield from filter(None, re.sub(r"\\\n\s*", " ", block.text).splitlines())


def _words(line: str) -> list[str]:
    return shlex.split(line.replace(".venv/bin/", ""), comments=True)


def _mentioned(page: Path) -> Iterator[list[str]]:
    """The commands of a page, those in its sentences included."""
    for line in [*_lines(page), *spans(page)]:
        try:
            words = _words(line)
        except ValueError:
            continue
        if words[:1] and words[0] in ("python", "chalice", "make", "aws"):
            yield words


COMMANDS = [(page, words) for page in PAGES for words in _mentioned(page)]


def _these(*begin: str) -> list[object]:
    found = {tuple(words): ident(page) for page, words in COMMANDS if words[: len(begin)] == list(begin)}
    return [pytest.param(list(words), id=f"{page}: {' '.join(words)[:60]}") for words, page in found.items()]


def _assert_known(command: click.Command, words: list[str]) -> None:
    """Every option among the words is one of the command's, and no argument is too many."""
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    assert set(given) - {"--help"} <= options, (given, options)


@pytest.mark.parametrize("words", _these("python", "-m", "admin"))
def test_our_own_commands(words: list[str]) -> None:
    """Each `python -m admin` command is there, says how it is used, and has the options that are shown."""
    name = words[3]
    if name == "COMMAND":
        return
    command = admin.commands.get(name)
    assert command is not None, name
    _assert_known(command, words[4:])
    told = CliRunner().invoke(admin, [name, "--help"])
    assert told.exit_code == 0
    assert command.help
    assert command.help.split()[0] in told.output


@pytest.mark.parametrize("words", _these("chalice"))
def test_chalices_commands(words: list[str]) -> None:
    """Each `chalice` command is one of the pinned Chalice's, with its options."""
    from chalice.cli import cli

    assert words[1] in cli.commands
    _assert_known(cli.commands[words[1]], words[2:])


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("words", _these("make"))
def test_makes_targets(words: list[str]) -> None:
    """Each `make` target is in the Makefile, and its variables too; those of the demo are settings or its own words."""
    targets = [word for word in words[1:] if "=" not in word]
    assert set(targets) <= _targets()
    if "demo" not in targets:
        makefile = (ROOT / "Makefile").read_text("utf-8")
        for word in words[1:]:
            assert "=" not in word or re.search(rf"\$[({{]{word.partition('=')[0]}[)}}]", makefile), word


@pytest.mark.parametrize("words", _these("aws"))
def test_awss_operations(words: list[str]) -> None:
    """Each `aws` command is an operation of that service, with parameters that it has."""
    service, operation = words[1], words[2]
    if (service, operation) == ("cloudformation", "deploy"):
        # A command of the AWS CLI's own: it has no model.
        given = {word for word in words if word.startswith("--")}
        assert given <= {"--template-file", "--stack-name", "--parameter-overrides"}
        assert (ROOT / words[words.index("--template-file") + 1]).is_file()
        return
    model = Session().get_service_model(service)
    names = {re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower(): name for name in model.operation_names}
    assert operation in names
    shape = model.operation_model(names[operation]).input_shape
    members = {re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower() for name in (shape.members if shape else {})}
    assert {word[2:] for word in words if word.startswith("--")} - {"query", "region"} <= members


def test_the_alarms_have_the_parameters_that_are_given() -> None:
    """The page on operation gives the alarms' template parameters that it has, and all that it needs."""
    [words] = [words for _, words in COMMANDS if words[:3] == ["aws", "cloudformation", "deploy"]]
    text = (ROOT / "cloudformation" / "operations.yaml").read_text("utf-8")
    parameters = text.partition("\nParameters:\n")[2].partition("\nConditions:\n")[0]
    declared = dict(re.findall(r"^  (\w+):\n((?:    .*\n)+)", parameters, re.MULTILINE))
    given = {word.partition("=")[0] for word in words if "=" in word}
    assert given <= set(declared)
    assert {name for name, body in declared.items() if "Default:" not in body} <= given


def test_every_line_of_shell_is_looked_at() -> None:
    """No page shows a command of a program that no test knows."""
    first = {_words(line)[0] for page in PAGES for line in _lines(page) if page.parent == DOCS}
    assert first <= OTHERS | {"python", "chalice", "make", "aws"}


def test_files_that_are_named_are_there() -> None:
    """Each file of the repository that a page names exists, but for those that a deployment makes."""
    made = {".chalice/deployed/prod.json", ".chalice/policy-<stage>.json"}
    folders = r"(?:\.chalice|admin|chalicelib|cloudformation|docs|playground|tests)"
    for page in PAGES:
        for span in set(spans(page)) - made:
            # The threat model names tests by their place below tests/.
            places = (ROOT / span, ROOT / "tests" / span)
            is_path = re.fullmatch(rf"{folders}/[\w./<>-]*", span)
            assert not is_path or any(place.exists() for place in places), (ident(page), span)
