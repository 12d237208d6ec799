"""`python -m admin hash-password`: an entry to paste, and the password nowhere."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from admin.__main__ import admin
from admin.hash_password import PROFILE
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.directories.users import UsersDirectory
from chalicelib.errors import WrongCredentials
from chalicelib.people import LEAST_MEMORY_KIB, LEAST_PASSES, MOST_MEMORY_KIB, listed
from chalicelib.secret import Secret
from tests.admin.terminal import Terminal
from tests.fakes import caller

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "admin", "hash-password"]
PASSWORD = "canary horse battery staple"


def run(*words: str, given: str | bytes = PASSWORD + "\n") -> Result:
    return CliRunner().invoke(admin, ["hash-password", *words], input=given, prog_name="python -m admin")


def pasted(output: str) -> dict[str, Any]:
    """What the secret's list is with the printed entry in it."""
    content: dict[str, Any] = json.loads("{" + output + "}")
    return content


def opens(output: str, username: str, password: str) -> bool:
    """Tell whether the entry, pasted into the secret, lets its person in."""
    people, problems = listed(pasted(output))
    assert not problems

    class Pasted:
        def current(self, deadline: Deadline) -> Credentials:
            return Credentials((), people=people)

        refreshed = current

    try:
        return bool(UsersDirectory(Pasted()).authenticate(username, Secret(password), caller()))
    except WrongCredentials:
        return False


def test_what_is_printed_is_an_entry_of_the_secret() -> None:
    """The output, pasted among `users`, is one person who signs in with the password, and nothing else is printed."""
    result = run("alice", "--name", 'Zoë "Z" Archer', "--email", "alice@example.com")
    assert (result.exit_code, result.stderr) == (0, "")
    (person,) = listed(pasted(result.stdout))[0].values()
    assert (person.username, person.name, person.email) == ("alice", 'Zoë "Z" Archer', "alice@example.com")
    assert not person.weak
    assert opens(result.stdout, "ALICE", PASSWORD)
    assert not opens(result.stdout, "alice", PASSWORD + " ")
    assert "canary" not in result.output


def test_without_a_username_the_object_alone_is_printed() -> None:
    """Without USERNAME the output is the object that stands behind the name, with a password and no more."""
    content = json.loads(run().stdout)
    assert set(content) == {"password"}
    assert not listed({"anybody": content})[1]


def test_the_profile_is_what_is_promised() -> None:
    """Promise 3: new hashes are Argon2id with at least 19,456 KiB and two passes, and fit into the function."""
    assert LEAST_MEMORY_KIB <= PROFILE.memory_cost <= MOST_MEMORY_KIB
    assert PROFILE.time_cost >= LEAST_PASSES
    assert (LEAST_MEMORY_KIB, LEAST_PASSES, MOST_MEMORY_KIB, PROFILE.parallelism) == (19_456, 2, 65_536, 1)
    shown = f"$argon2id$v=19$m={PROFILE.memory_cost},t={PROFILE.time_cost},p={PROFILE.parallelism}$"
    assert json.loads(run().stdout)["password"].startswith(shown)


def test_no_two_hashes_are_the_same() -> None:
    """Each hash has a salt of its own."""
    assert run().stdout != run().stdout


@pytest.mark.parametrize(
    ("given", "password"),
    [
        ("canary horse", "canary horse"),
        ("canary horse\n", "canary horse"),
        ("canary horse\r\n", "canary horse"),
        ("  canary horse \n", "  canary horse "),
        ("12345678", "12345678"),
        ("pässwörd", "pässwörd"),
        ("pa\u0308sswort", "pa\u0308sswort"),
        ("é" * 512, "é" * 512),
    ],
)
def test_the_line_of_standard_input_is_taken_as_it_is(given: str, password: str) -> None:
    """Promise 4: the line end is removed and nothing else; 8 characters and 1,024 bytes are enough and not too many."""
    result = run("alice", given=given.encode())
    assert result.exit_code == 0
    assert opens(result.stdout, "alice", password)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"\r\n", "empty"),
        (b"canary7", "fewer than 8 characters"),
        ("é".encode() * 7, "fewer than 8 characters"),
        (b"canary" * 171, "more than 1024 bytes"),
        ("é".encode() * 513, "more than 1024 bytes"),
        (b"canary horse\ncanary horse\n", "more than one line"),
        (b"canary horse\n\n", "more than one line"),
        (b"canary horse\r", "control character"),
        (b"canary\0horse", "control character"),
        ("\ufeffcanary horse".encode(), "control character"),
        (b"canary horse\xff", "not UTF-8"),
    ],
)
def test_a_password_that_would_not_do_is_refused_without_repeating_it(given: bytes, why: str) -> None:
    """Promise 32: what is wrong with a password is said in one sentence, and neither it nor a hash is printed."""
    result = run("alice", given=given)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert why in result.stderr
    assert "canary" not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [("alice", "canary"), ("alice", "canary", "horse"), ("--name", "A", "b", "canary")])
def test_a_password_has_no_place_on_the_command_line(words: tuple[str, ...]) -> None:
    """Promise 32: a second argument, which may be a password, is refused and not repeated."""
    result = run(*words)
    assert result.exit_code == 2
    assert "canary" not in result.output
    assert "no place on the command line" in result.stderr


def test_there_is_no_option_for_the_password() -> None:
    """Promise 32: nothing that is said about an unknown `--password` repeats its value."""
    for words in (("--password", "canary"), ("--password=canary",), ("alice", "-pcanary")):
        result = run(*words)
        assert result.exit_code == 2
        assert "canary" not in result.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("alice", "--email", "nonsense"), "email is not an address"),
        (("alice", "--email", ""), "name or email is not a line of text"),
        (("alice", "--name", "Alice\nArcher"), "name or email is not a line of text"),
        (("--name", ""), "name or email is not a line of text"),
        ((" alice",), "this cannot be a username"),
        (("al\u200bice",), "this cannot be a username"),
        (("$argon2id$v=19$",), "this cannot be a username"),
    ],
)
def test_what_the_secret_would_refuse_is_refused_before_anything_is_typed(words: tuple[str, ...], why: str) -> None:
    """Username, name and address are judged by the secret's own rules, without reading a password."""
    result = run(*words, given=b"")
    assert result.exit_code == 2
    assert why in result.stderr


def test_the_help_says_what_to_do_with_the_output() -> None:
    """`--help` tells where the entry goes, how it looks there and when it counts, and the group lists the command."""
    text = run("--help").stdout
    for word in ("AWS Secrets Manager", '"users": {', "DIRECTORY=users", "at least 8", "five minutes", "--email"):
        assert word in text
    assert "hash-password" in CliRunner().invoke(admin, ["--help"]).stdout


def test_the_module_runs_by_its_name() -> None:
    """`python -m admin hash-password` reads a pipe and prints the entry, and its usage names it that way."""
    done = subprocess.run(
        [*COMMAND, "alice"], cwd=ROOT, input=PASSWORD, capture_output=True, text=True, encoding="utf-8", timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert opens(done.stdout, "alice", PASSWORD)
    refused = subprocess.run(
        [*COMMAND, "a", "b"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    assert "Usage: python -m admin hash-password" in refused.stderr


def test_at_a_terminal_the_password_is_typed_twice_and_not_shown() -> None:
    """The terminal shows two prompts and the entry, and nothing of what was typed."""
    terminal = Terminal(*COMMAND, "alice")
    terminal.answer("Password: ", PASSWORD)
    terminal.answer("once more: ", PASSWORD)
    assert terminal.ended() == 0
    assert "canary" not in terminal.screen
    assert opens(terminal.screen.splitlines()[-1], "alice", PASSWORD)


def test_two_different_passwords_are_refused() -> None:
    """A password that is typed differently the second time makes no entry, and neither is shown."""
    terminal = Terminal(*COMMAND, "alice")
    terminal.answer("Password: ", PASSWORD)
    terminal.answer("once more: ", PASSWORD + "x")
    assert terminal.ended() == 1
    assert "two different passwords" in terminal.screen
    assert "canary" not in terminal.screen
    assert "argon2" not in terminal.screen
