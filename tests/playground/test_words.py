"""The words of the command line, and what the children see of the environment."""

import pytest

from playground.processes import child_environment
from playground.words import Demo, WordError, read_words


def test_without_words_the_ports_are_those_of_the_manual() -> None:
    """Without words Gantry is at 8000 and the workspace at 3000."""
    assert read_words([], {}) == Demo(8000, 3000, "localhost", {})


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


@pytest.mark.parametrize("word", ["DEMO_PORT=x", "DEMO_PORT=65536", "DEMO_PORT=-1", "DEMO_PORT=", "DEMO_GANTRY_HOST=x"])
def test_a_value_that_cannot_be_is_refused_by_name(word: str) -> None:
    """A port that is none and a host that is not this machine are refused, naming the setting."""
    with pytest.raises(WordError, match=word.partition("=")[0]):
        read_words([word], {})


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
