"""One build for all deploy tests: `make package` for both stages, in a clean copy of the working tree."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.deploy import alarms
from tests.deploy.cloud import REGION, Cloud
from tests.stage import closing

STAGES = ("dev", "prod")
CANARY = "canary-7f1c"
"""Stands in files of the tree that are nobody's business but the deployer's."""

# `deployed` is what Chalice remembers of whoever works in this tree.
LEFT_BEHIND = shutil.ignore_patterns(
    *(".git", ".coverage*", ".hypothesis", ".*_cache", "__pycache__", "build", "htmlcov", "node_modules"),
    *("deployments", "deployed"),
)


@dataclass(frozen=True)
class Package:
    """What `make package` made of one stage."""

    tree: Path
    archive: Path
    template_file: Path

    @property
    def template(self) -> dict[str, Any]:
        return alarms.read(self.template_file)

    @property
    def names(self) -> list[str]:
        with ZipFile(self.archive) as archive:
            return archive.namelist()

    @cached_property
    def files(self) -> dict[str, bytes]:
        with ZipFile(self.archive) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def read(self, name: str) -> str:
        return self.files[name].decode()

    def resources(self, kind: str) -> list[dict[str, Any]]:
        return [each["Properties"] for each in self.template["Resources"].values() if each["Type"] == kind]


@pytest.fixture(scope="session")
def packages(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Package]:
    tree = tmp_path_factory.mktemp("deploy") / "gantry"
    shutil.copytree(pytestconfig.rootpath, tree, ignore=_nothing_made)
    for place in (".env", "secret.json", "admin/notes.txt", ".chalice/deployed/prod.json"):
        (tree / place).parent.mkdir(exist_ok=True)
        (tree / place).write_text(json.dumps({"resources": [], "schema_version": "2.0", "note": CANARY}))
    leave_byte_code(tree)
    (tree / ".venv").symlink_to(sys.prefix)
    return {stage: _package(tree, stage) for stage in STAGES}


@pytest.fixture(params=STAGES)
def package(request: pytest.FixtureRequest, packages: Mapping[str, Package]) -> Package:
    return packages[request.param]


@pytest.fixture(scope="session")
def merged(packages: Mapping[str, Package]) -> Package:
    """The stage `prod` with the alarms in its template."""
    return _package(
        packages["prod"].tree, "prod", "PACKAGEFLAGS=--merge-template cloudformation/merge.yaml", "sam.yaml"
    )


@pytest.fixture(scope="session")
def delivered(pytestconfig: pytest.Config) -> Path:
    """`.chalice/` as it is in the repository, for what holds until a deployer fills it in."""
    compare = ["git", "diff", "--quiet", "HEAD", "--", ".chalice"]
    if subprocess.run(compare, cwd=pytestconfig.rootpath, stdin=subprocess.DEVNULL, capture_output=True).returncode:
        pytest.skip(".chalice/ is not as delivered")
    return pytestconfig.rootpath / ".chalice"


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with closing(Cloud()) as served:
        yield served


def leave_byte_code(tree: Path) -> None:
    """Leave what an earlier run of some other Python may have left."""
    stale = tree / "chalicelib" / "__pycache__" / "stale.cpython-311.pyc"
    stale.parent.mkdir(exist_ok=True)
    stale.write_bytes(b"byte code of an earlier run")


def make(tree: Path, *words: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run make in `tree`, with the environment of these tests in the place of one of its own."""
    # `.venv` links to what runs the tests, whatever make would think of its age.
    command = ["make", "--old-file=.venv/.complete", "VENV=.venv", *words]
    return subprocess.run(
        command,
        cwd=tree,
        env={**nobodys_environment(), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )


def nobodys_environment() -> dict[str, str]:
    """Ours, without what belongs to the make, the coverage and the cloud account around us."""
    foreign = ("MAKE", "MFLAGS", "AWS_", "COVERAGE_", "COV_CORE_", "STAGE", "PACKAGEFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _package(tree: Path, stage: str, *words: str) -> Package:
    result = make(tree, "package", f"STAGE={stage}", *words[:1], environ={"AWS_DEFAULT_REGION": REGION})
    assert result.returncode == 0, result.stdout + result.stderr
    made = tree / "build" / stage
    return Package(tree, made / "deployment.zip", made / (words[1] if words else "sam.json"))


def _nothing_made(directory: str, names: list[str]) -> set[str]:
    environments = {name for name in names if (Path(directory) / name / "pyvenv.cfg").exists()}
    return {*LEFT_BEHIND(directory, names), *environments}
