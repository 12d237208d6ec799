"""What `make package`, `make deploy` and `make delete` refuse, and what they say then."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.cloud import Cloud
from tests.deploy.conftest import Package, make, nobodys_environment

TASKS = ("package", "deploy", "delete")


@pytest.fixture(scope="module")
def tree(packages: Mapping[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what was packaged, with a record of a stage `prod` that has nothing any more."""
    copy = tmp_path_factory.mktemp("make") / "gantry"
    shutil.copytree(packages["prod"].tree, copy, symlinks=True)
    return copy


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has told AWS's tools nothing yet."""
    return {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}


def machine(directory: Path, system: str, processor: str) -> dict[str, str]:
    """The environment of another machine: a `uname` before all others on the PATH that says so."""
    uname = directory / "bin" / "uname"
    uname.parent.mkdir()
    uname.write_text(f'#!/bin/sh\ncase "$1" in -s) echo {system};; -m) echo {processor};; esac\n')
    uname.chmod(0o755)
    return {"PATH": f"{uname.parent}:{nobodys_environment()['PATH']}"}


@pytest.mark.parametrize("processor", ["aarch64", "arm64"])
def test_arm64_linux_does_not_deploy(tree: Path, cloud: Cloud, tmp_path: Path, processor: str) -> None:
    """`make deploy` refuses arm64 Linux and says why: the libraries that Chalice packs there."""
    environ = {**cloud.environ, **machine(tmp_path, "Linux", processor)}
    result = make(tree, "deploy", "STAGE=prod", environ=environ)
    assert result.returncode != 0
    assert "arm64 Linux" in result.stderr
    assert "x86-64" in result.stderr
    assert "Creating" not in result.stdout


@pytest.mark.parametrize(("system", "processor"), [("Darwin", "arm64"), ("Linux", "x86_64")])
def test_other_machines_deploy(tree: Path, cloud: Cloud, tmp_path: Path, system: str, processor: str) -> None:
    """macOS, whatever its processor, and x86-64 Linux get past that: here, to the stage, which is not there."""
    environ = {**cloud.environ, **machine(tmp_path, system, processor)}
    result = make(tree, "deploy", "STAGE=nowhere", environ=environ)
    assert result.returncode != 0
    assert result.stderr.startswith("There is no stage nowhere in .chalice/.\n")


@pytest.mark.parametrize("task", TASKS)
def test_without_a_region_nothing_begins(tree: Path, nobody: dict[str, str], task: str) -> None:
    """Where no region is configured the task says how to name one, in a sentence and not in a traceback."""
    result = make(tree, task, "STAGE=prod", environ=nobody)
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.startswith("No AWS region is configured: put AWS_DEFAULT_REGION=eu-central-1 ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("source", ["environment", "default profile", "named profile", "named file"])
def test_a_region_counts_wherever_it_is_configured(tree: Path, nobody: dict[str, str], source: str) -> None:
    """The environment, the default profile, a named profile and a file elsewhere name the region.

    What is missing next is the credentials.
    """
    home = Path(nobody["HOME"])
    (home / ".aws").mkdir()
    if source == "environment":
        nobody["AWS_DEFAULT_REGION"] = "eu-central-1"
    elif source == "default profile":
        (home / ".aws/config").write_text("[default]\nregion = eu-central-1\n")
    elif source == "named profile":
        (home / ".aws/config").write_text("[profile work]\nregion = eu-central-1\n")
        nobody["AWS_PROFILE"] = "work"
    else:
        (home / "elsewhere").write_text("[default]\nregion = eu-central-1\n")
        nobody["AWS_CONFIG_FILE"] = str(home / "elsewhere")
    result = make(tree, "deploy", "STAGE=prod", environ=nobody)
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.startswith("No AWS credentials are configured: ")


def test_a_profile_that_is_not_there_is_named(tree: Path, nobody: dict[str, str]) -> None:
    """A profile that AWS's files do not have is named in a sentence."""
    result = make(tree, "package", "STAGE=prod", environ={**nobody, "AWS_PROFILE": "wrok"})
    assert result.returncode != 0
    assert result.stderr.startswith(
        "The AWS configuration cannot be used: The config profile (wrok) could not be found"
    )


def test_a_package_that_cannot_be_built_is_a_failure(tree: Path, cloud: Cloud) -> None:
    """What Chalice cannot package ends make with a failure, so that no script goes on with an older package."""
    result = make(tree, "package", "STAGE=nowhere", environ=cloud.environ)
    assert result.returncode != 0
    assert "policy-nowhere.json" in result.stderr
    assert not (tree / "build/nowhere").exists()


def test_delete_wants_the_stage_by_name(tree: Path, cloud: Cloud) -> None:
    """`make delete` alone deletes nothing: the stage is named each time."""
    result = make(tree, "delete", environ=cloud.environ)
    assert result.returncode != 0
    assert result.stderr.startswith("Say which stage: make delete STAGE=")


def test_delete_says_where_nothing_was_deployed(tree: Path, cloud: Cloud) -> None:
    """`make delete` of a stage without a record here says so, and does not pretend to have deleted it."""
    result = make(tree, "delete", "STAGE=dev", environ=cloud.environ)
    assert result.returncode != 0
    assert result.stderr.startswith("Nothing was deployed to the stage dev from here")
