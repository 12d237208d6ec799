"""The process tree: what it prints, in which order it starts, and that nothing of it stays."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest
import requests

from playground.ports import bind
from tests.verdict import unmeasured

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "playground")
START_SECONDS = 120  # a machine that does much else at the same time; the playground has bounds of its own
ANSWER_SECONDS = 30
END_SECONDS = 2
PORTS = ("DEMO_PORT=0", "DEMO_WORKSPACE_PORT=0")


@pytest.fixture(params=[(), ("BACKEND=mongodb",)], ids=["rest", "mongodb"])
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Free ports, without a database and with one in turn."""
    if request.param:
        request.getfixturevalue("engine")
    return (*PORTS, *request.param)


@contextmanager
def playground(
    *words: str, interrupts_ignored: bool = False, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start it in a process group of its own; it is ended afterwards, and what is left of it then is killed."""

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=ROOT,
        env={**unmeasured(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=ignore if interrupts_ignored else None,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(ANSWER_SECONDS)
            if group_lives(process):
                os.killpg(process.pid, signal.SIGKILL)


def started(process: subprocess.Popen[str]) -> dict[str, str]:
    """Read what it prints until the last line: the addresses, by name, and the whole text."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("Workspace"):
            break
    else:
        raise AssertionError(process.stderr.read() if process.stderr else text)
    found = re.findall(r"http://\S+?(?=[ ,]|$)", text)
    return {"login": found[0], "session": found[1], "workspace": found[2], "text": text}


def group_lives(process: subprocess.Popen[str]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def refuses(url: str) -> bool:
    host, port = url.split("/")[2].split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def listed() -> list[tuple[int, int, str]]:
    """Every process that runs: its id, its parent's, its command line."""
    columns = ["ps", "-A", "-o", "pid=,ppid=,stat=,args="]
    listing = subprocess.run(columns, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split(None, 3) for line in listing]
    return [(int(row[0]), int(row[1]), row[3]) for row in rows if not row[2].startswith("Z")]


def children(process: subprocess.Popen[str]) -> dict[str, int]:
    """The children by the name of their module; one that is only just forked has none yet."""
    rows = [
        (pid, re.search(r"-m (playground\.\w+) \d+$", args)) for pid, parent, args in listed() if parent == process.pid
    ]
    return {module[1]: pid for pid, module in rows if module}


def descendants(process: subprocess.Popen[str]) -> set[int]:
    """It, its children and theirs: a database server is in no group or session of ours."""
    found = {process.pid}
    while more := {pid for pid, parent, _ in listed() if parent in found} - found:
        found |= more
    return found


def survivors(pids: set[int], until: float = 0.0) -> list[str]:
    """What of these still runs at that time of `monotonic`; nothing as soon as nothing does."""
    # A process has closed its files, its standard error too, a moment before it counts as ended.
    while (left := [args for pid, _, args in listed() if pid in pids]) and monotonic() < until:
        continue
    return left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [False, True], ids=["process", "group"])
def test_a_signal_ends_everything_within_two_seconds(
    number: signal.Signals, whole_group: bool, words: tuple[str, ...], tmp_path: Path
) -> None:
    """SIGINT and SIGTERM, to the process or to its group, end it with 0 in two seconds, and nothing of it is left."""
    with playground(*words, interrupts_ignored=True, environment={"TMPDIR": str(tmp_path)}) as process:
        addresses, pids = started(process), descendants(process)
        with requests.get(f"{addresses['workspace']}/_playground/stream", stream=True, timeout=ANSWER_SECONDS):
            began = monotonic()
            (os.killpg if whole_group else os.kill)(process.pid, number)
            output, errors = process.communicate(timeout=10)
            assert monotonic() - began < END_SECONDS
        assert process.returncode == 0
        assert output.strip() == errors == ""
        assert not group_lives(process)
        assert (survivors(pids, began + END_SECONDS), list(tmp_path.iterdir())) == ([], [])
        assert refuses(addresses["login"])
        assert refuses(addresses["workspace"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_ends_everything(number: signal.Signals, words: tuple[str, ...]) -> None:
    """A signal that comes while the children are still starting ends them too."""
    with playground(*words) as process:
        while not children(process):
            assert process.poll() is None
        os.killpg(process.pid, number)
        output, _ = process.communicate(timeout=10)
        assert (process.returncode, output) == (0, "")
        assert not group_lives(process)


@pytest.mark.usefixtures("engine")
def test_a_signal_while_the_database_starts_leaves_no_server(tmp_path: Path) -> None:
    """A signal that comes when the database server runs already and is not ready ends it and removes its files."""
    with playground(*PORTS, "BACKEND=mongodb", environment={"TMPDIR": str(tmp_path)}) as process:
        # A server that keeps no files here is caught when all of it has started.
        assert process.stdout is not None
        while not list(tmp_path.iterdir()) and not select.select([process.stdout], [], [], 0.05)[0]:
            assert process.poll() is None
        pids = descendants(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == 0
        assert (survivors(pids), list(tmp_path.iterdir())) == ([], [])


def test_no_child_outlives_a_killed_parent(words: tuple[str, ...], tmp_path: Path) -> None:
    """When the parent is killed outright its children end by themselves, and no files of theirs stay."""
    with playground(*words, environment={"TMPDIR": str(tmp_path)}) as process:
        addresses, pids = started(process), descendants(process)
        process.kill()
        began = monotonic()
        process.communicate(timeout=END_SECONDS)  # their standard error closes when the last child is gone
        assert (survivors(pids, began + END_SECONDS), list(tmp_path.iterdir())) == ([], [])
        assert refuses(addresses["login"])
        assert refuses(addresses["workspace"])


@pytest.mark.usefixtures("engine")
def test_no_server_outlives_a_killed_group(tmp_path: Path) -> None:
    """When the whole group is killed outright, the database server, which is not in it, ends by itself."""
    # Nobody is left to remove its files: they are put where pytest does.
    with playground(*PORTS, "BACKEND=mongodb", environment={"TMPDIR": str(tmp_path)}) as process:
        started(process)
        pids = descendants(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=END_SECONDS)
        assert survivors(pids, monotonic() + END_SECONDS) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("playground.aws", "AWS"),
        ("playground.workspace", "The workspace"),
        ("playground.gantry", "Gantry"),
        ("playground.mongodb", "The database"),
    ],
)
def test_the_end_of_a_child_ends_everything(
    module: str, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """When a child dies the playground names it, ends the others and exits with 1."""
    words: tuple[str, ...] = PORTS
    if module == "playground.mongodb":
        request.getfixturevalue("engine")
        words = (*PORTS, "BACKEND=mongodb")
    with playground(*words, environment={"TMPDIR": str(tmp_path)}) as process:
        started(process)
        os.kill(children(process)[module], signal.SIGKILL)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 1
        assert errors == f"{name} has ended (signal 9), so everything else ends too.\n"
        assert not group_lives(process)


@pytest.mark.usefixtures("engine")
def test_the_end_of_the_server_ends_everything(tmp_path: Path) -> None:
    """When the database server dies behind its guardian everything ends with 1, its files included."""
    with playground(*PORTS, "BACKEND=mongodb", environment={"TMPDIR": str(tmp_path)}) as process:
        started(process)
        servers = descendants(process) - {process.pid, *children(process).values()}
        for pid in servers:
            os.kill(pid, signal.SIGKILL)
        if not servers:
            pytest.skip("the server is no process of the playground")
        _, errors = process.communicate(timeout=ANSWER_SECONDS)
        assert process.returncode == 1
        assert errors.endswith("The database has ended (exit status 1), so everything else ends too.\n")
        assert not group_lives(process)
        assert list(tmp_path.iterdir()) == []


def test_it_prints_the_addresses_and_the_people() -> None:
    """It prints where everything is, with the ports that it found, and the people with their password."""
    with playground(*PORTS, "DEMO_GANTRY_HOST=127.0.0.1") as process:
        addresses = started(process)
        settings = requests.get(f"{addresses['workspace']}/api/v1/settings.public", timeout=ANSWER_SECONDS).json()[
            "settings"
        ]
        values = {row["_id"]: row["value"] for row in settings}
        assert values["Accounts_iframe_url"] == addresses["login"]
        assert values["Accounts_Iframe_api_url"] == addresses["session"]
        assert addresses["login"].startswith("http://127.0.0.1:")
        for word in ("alice", "bob", "carol", "dave", "gantry-demo"):
            assert word in addresses["text"]


def test_gantrys_port_opens_last() -> None:
    """Whoever can connect to Gantry finds the secret and the workspace there."""
    with bind("127.0.0.1", 0, listen=False) as place:
        port = place.getsockname()[1]
    with playground(f"DEMO_PORT={port}", "DEMO_WORKSPACE_PORT=0") as process:
        while refuses(f"http://127.0.0.1:{port}/"):
            assert process.poll() is None
        health = requests.get(f"http://127.0.0.1:{port}/health?deep=1", timeout=ANSWER_SECONDS).json()
        assert health["reachable"] == {"settings": True, "secret": True, "workspace": True}


def test_words_reach_gantry_and_the_environment_does_not() -> None:
    """A setting on the command line changes Gantry's page."""
    with playground(*PORTS, "BRAND_NAME=Example Works") as process:
        assert "Example Works" in requests.get(started(process)["login"], timeout=ANSWER_SECONDS).text


def test_an_idle_connection_keeps_nobody_waiting() -> None:
    """A connection to Gantry that says nothing, as browsers open them, does not hold up the next."""
    with playground(*PORTS) as process:
        addresses = started(process)
        port = int(addresses["login"].split("/")[2].split(":")[1])
        with socket.create_connection(("127.0.0.1", port)):
            assert requests.get(addresses["login"], timeout=ANSWER_SECONDS).status_code == 200


@pytest.mark.parametrize("name", ["DEMO_PORT", "DEMO_WORKSPACE_PORT"])
def test_a_taken_port_is_one_sentence(name: str) -> None:
    """A port that another program has is named, with the setting that chooses another, and the exit status is 1."""
    others = {"DEMO_PORT": "0", "DEMO_WORKSPACE_PORT": "0"}
    with bind("127.0.0.1", 0, listen=True) as other:
        port = other.getsockname()[1]
        words = [f"{key}={value}" for key, value in {**others, name: str(port)}.items()]
        result = subprocess.run(
            [*COMMAND, *words], cwd=ROOT, env=unmeasured(), capture_output=True, text=True, timeout=START_SECONDS
        )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Port {port} on 127.0.0.1 is taken by another program: choose another with {name} (0 for any free one).\n"
    )


def test_a_wrong_word_is_one_sentence() -> None:
    """A word that is no setting ends with 2 and one sentence on what there is."""
    result = subprocess.run([*COMMAND, "HANDOF=retry"], cwd=ROOT, capture_output=True, text=True, timeout=START_SECONDS)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "HANDOFF" in result.stderr
