"""The words of the command line, and what the children see of the environment."""

import pytest

from chalicelib.config import Settings
from playground.people import listed_in, people_for
from playground.processes import child_environment
from playground.words import GANTRY, Demo, WordError, read_words
from playground.workspace.clients import CLIENTS

ADDRESS = {"ROCKETCHAT_URL": "http://localhost:3000", "SECRET_ID": "gantry/demo"}


def test_without_words_the_ports_are_those_of_the_manual() -> None:
    """Without words Gantry is at 8000 and the workspace at 3000, and no database is started."""
    assert read_words([], {}) == Demo(8000, 3000, "localhost", {}, "rest", "login")


def test_words_win_over_the_environment() -> None:
    """The playground's own settings come from the environment too, and a word wins."""
    environment = {"DEMO_PORT": "1", "DEMO_WORKSPACE_PORT": "2", "HANDOFF": "retry"}
    demo = read_words(["DEMO_PORT=0", "DEMO_GANTRY_HOST=127.0.0.1"], environment)
    assert demo == Demo(0, 2, "127.0.0.1", {})


def test_settings_go_to_gantry_as_they_are() -> None:
    """A setting of Gantry is passed on with everything after the first equals sign."""
    assert read_words(["BRAND_NAME=A = B", "HANDOFF="], {}).gantry == {"BRAND_NAME": "A = B", "HANDOFF": ""}


@pytest.mark.parametrize("word", ["retry", "HANDOF=retry", "handoff=retry", "=x", "DEMO_PORT", "AWS_PROFILE=x", ""])
def test_any_other_word_is_refused_with_the_known_ones(word: str) -> None:
    """A word that is no setting is refused, and the sentence lists what there is."""
    with pytest.raises(WordError, match=r"DEMO_PORT.*HANDOFF.*BRAND_NAME"):
        read_words([word], {})


@pytest.mark.parametrize(
    "word", ["DEMO_PORT=x", "DEMO_PORT=65536", "DEMO_PORT=-1", "DEMO_PORT=", "DEMO_GANTRY_HOST=x", "BACKEND=x", "KIND="]
)
def test_a_value_that_cannot_be_is_refused_by_name(word: str) -> None:
    """A port that is none and a host that is not this machine are refused, naming the setting."""
    with pytest.raises(WordError, match=word.partition("=")[0]):
        read_words([word], {})


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_of_the_workspace_is_a_value_of_client(client: str) -> None:
    """CLIENT takes every client that the workspace can play, and no other."""
    assert read_words([f"CLIENT={client}"], {}).client == client
    with pytest.raises(WordError, match=f"CLIENT must be {' or '.join(CLIENTS)}, not"):
        read_words([f"CLIENT={client}x"], {})


def test_nothing_of_the_developer_reaches_the_children() -> None:
    """Credentials, profiles, proxies and settings of whoever starts the playground stay outside."""
    mine = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "AWS_PROFILE": "work",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "AWS_SESSION_TOKEN": "canary",
        "HTTPS_PROXY": "http://canary",
        "https_proxy": "http://canary",
        "REQUESTS_CA_BUNDLE": "canary",
        "ROCKETCHAT_URL": "https://canary",
    }
    seen = child_environment(mine)
    assert (seen["PATH"], seen["LC_ALL"]) == ("/bin", "C")
    assert "canary" not in repr(seen)
    assert "AWS_PROFILE" not in seen


def test_only_settings_that_gantry_reads_are_words() -> None:
    """Each name is one that Gantry's settings are made from, so no word is without effect."""
    asked = []

    class Environment(dict[str, str]):
        def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
            asked.append(key)
            return super().get(key, default)

    Settings.from_environ(Environment(ADDRESS))
    assert set(GANTRY) == set(asked)
    with pytest.raises(WordError):
        read_words(["SESSION_MINUTES=1"], {})


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ([], {"DIRECTORY": "rocketchat", "TOKEN_SOURCE": "rest", "TOKEN_KIND": "login", "HANDOFF": "token"}),
        (
            ["BACKEND=mongodb"],
            {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "login", "HANDOFF": "token"},
        ),
        (
            ["BACKEND=mongodb", "KIND=iframe"],
            {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "iframe", "HANDOFF": "retry"},
        ),
        (
            ["HANDOFF=token", "DIRECTORY=rocketchat", "BACKEND=mongodb", "KIND=iframe"],
            {"DIRECTORY": "rocketchat", "TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "iframe", "HANDOFF": "token"},
        ),
    ],
)
def test_backend_and_kind_stand_for_settings(words: list[str], settings: dict[str, str]) -> None:
    """BACKEND and KIND choose directory, token source, token kind and handoff; a setting that is named wins."""
    demo = read_words(words, {})
    assert demo.settings == settings
    Settings.from_environ({**ADDRESS, **demo.settings})


@pytest.mark.parametrize("word", ["KIND=iframe", "DIRECTORY=mongodb", "TOKEN_SOURCE=mongodb", "TOKEN_KIND=iframe"])
def test_what_needs_a_database_says_so(word: str) -> None:
    """A word that only a database makes sense of is refused without one, and the sentence names the missing word."""
    with pytest.raises(WordError, match=f"{word} needs a database: add BACKEND=mongodb"):
        read_words([word], {})


@pytest.mark.parametrize("directory", ["users", "cognito"])
@pytest.mark.parametrize("backend", ["rest", "mongodb"])
def test_people_from_elsewhere_are_given_accounts(directory: str, backend: str) -> None:
    """With a directory of its own people the demo makes their accounts, and has a table where there is no database."""
    settings = read_words([f"DIRECTORY={directory}", f"BACKEND={backend}"], {}).settings
    understood = Settings.from_environ({**ADDRESS, **settings})
    assert (understood.directory, understood.token_source) == (directory, backend)
    assert understood.provision == "create"
    assert bool(understood.state_table) == (backend == "rest")
    assert {"alice", "erin"} <= {person.username for person in listed_in(settings)}


@pytest.mark.parametrize("backend", ["rest", "mongodb"])
def test_relays_come_with_what_they_need(backend: str) -> None:
    """RELAY makes accounts for newcomers and, where there is no database, has a table and the way to make tokens."""
    demo = read_words(["RELAY=facebook,google,twitter", "CLIENT=1.x", f"BACKEND={backend}"], {})
    understood = Settings.from_environ({**ADDRESS, **demo.settings})
    assert understood.relay == ("facebook", "google", "twitter")
    assert understood.provision == "create"
    assert bool(understood.state_table) == (backend == "rest")
    with pytest.raises(WordError, match="RELAY needs CREATE_TOKENS=on, or BACKEND=mongodb"):
        read_words(["RELAY=google", "CREATE_TOKENS=off"], {})
    assert read_words(["RELAY=google", "CREATE_TOKENS=off", "BACKEND=mongodb"], {}).create_tokens == "off"


@pytest.mark.parametrize(
    ("words", "bob", "erin", "frank"),
    [
        ([], "refused, it cannot", "one is made", "refused, REST"),
        (["CREATE_TOKENS=off"], "with an authenticator code", "asks for a code by e-mail", "refused, REST"),
        (["WORKSPACE_2FA=skip"], "not asked for", "one is made", "refused, REST"),
        (["PROVISION=off"], "refused, it cannot", "refused", "refused"),
        (["BACKEND=mongodb"], "workspace: asked for", "one is made", "one is made"),
        (["BACKEND=mongodb", "KIND=iframe"], "refused, an iframe", "cannot get past", "one is made"),
    ],
)
def test_the_list_says_what_becomes_of_people_from_elsewhere(words: list[str], bob: str, erin: str, frank: str) -> None:
    """Each line says whether a second factor is asked for, and whether somebody without an account gets one."""
    demo = read_words(["DIRECTORY=users", *words], {})
    listed = listed_in(demo.settings, create_tokens=demo.create_tokens == "on")
    about = {person.username: person.about for person in listed}
    assert bob in about["bob"]
    assert erin in about["erin"]
    assert frank in about["frank"]


def test_a_backend_comes_from_the_command_line_alone() -> None:
    """Variables with such common names, set for other programs, choose nothing here."""
    assert read_words([], {"BACKEND": "mongodb", "KIND": "iframe"}) == Demo()


@pytest.mark.parametrize(
    ("words", "bob", "carol"),
    [
        ([], "with an authenticator code", "with an e-mail code"),
        (["BACKEND=mongodb"], "with an authenticator code", "refused, Gantry cannot ask"),
        (["BACKEND=mongodb", "KIND=iframe"], "refused, an iframe token", "refused, an iframe token"),
        (["BACKEND=mongodb", "WORKSPACE_2FA=totp"], "with an authenticator code", "not asked for: WORKSPACE_2FA=totp"),
        (["BACKEND=mongodb", "WORKSPACE_2FA=skip"], "not asked for: WORKSPACE_2FA=skip", "not asked for"),
        (
            ["BACKEND=mongodb", "KIND=iframe", "WORKSPACE_2FA=totp"],
            "refused, an iframe token",
            "refused, an iframe token",
        ),
        (
            ["BACKEND=mongodb", "KIND=iframe", "DIRECTORY=rocketchat"],
            "refused, an iframe token",
            "refused, an iframe token",
        ),
    ],
)
def test_the_list_of_people_says_who_is_refused(words: list[str], bob: str, carol: str) -> None:
    """Each person's line says what the chosen settings make of their second factor."""
    about = {person.username: person.about for person in people_for(read_words(words, {}).settings)}
    assert bob in about["bob"]
    assert carol in about["carol"]
    assert (about["alice"], about["dave"]) == ("password only", "deactivated: refused")
