"""One build for all deploy tests: `make package` for both stages, in a clean copy of the working tree."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

STAGES = ("dev", "prod")
LEFT_BEHIND = shutil.ignore_patterns(
    *(".git", ".coverage*", ".hypothesis", ".*_cache", "__pycache__", "build", "deployments", "htmlcov", "node_modules")
)


@dataclass(frozen=True)
class Package:
    """What `make package` made of one stage."""

    tree: Path
    archive: Path
    template_file: Path

    @property
    def template(self) -> dict[str, Any]:
        return dict(json.loads(self.template_file.read_text("utf-8")))

    @property
    def names(self) -> list[str]:
        with ZipFile(self.archive) as archive:
            return archive.namelist()

    def read(self, name: str) -> str:
        with ZipFile(self.archive) as archive:
            return archive.read(name).decode()

    def resources(self, kind: str) -> list[dict[str, Any]]:
        return [each["Properties"] for each in self.template["Resources"].values() if each["Type"] == kind]


@pytest.fixture(scope="session")
def packages(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Package]:
    tree = tmp_path_factory.mktemp("deploy") / "gantry"
    shutil.copytree(pytestconfig.rootpath, tree, ignore=_nothing_made)
    stale = tree / "chalicelib" / "__pycache__" / "stale.cpython-311.pyc"
    stale.parent.mkdir()
    stale.write_bytes(b"byte code of an earlier run")
    (tree / ".venv").symlink_to(sys.prefix)
    return {stage: _package(tree, stage) for stage in STAGES}


@pytest.fixture(params=STAGES)
def package(request: pytest.FixtureRequest, packages: Mapping[str, Package]) -> Package:
    return packages[request.param]


def _package(tree: Path, stage: str) -> Package:
    # The environment that runs the tests builds (`.venv` links to it), whatever make would think of its age.
    command = ["make", "--old-file=.venv/.complete", "package", "VENV=.venv", f"STAGE={stage}"]
    result = subprocess.run(
        command, cwd=tree, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stdout + result.stderr
    made = tree / "build" / stage
    return Package(tree, made / "deployment.zip", made / "sam.json")


def _environment() -> dict[str, str]:
    """Ours, without what belongs to the make, the coverage and the cloud account around us."""
    foreign = ("MAKE", "MFLAGS", "AWS_", "COVERAGE_", "COV_CORE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "AWS_DEFAULT_REGION": "eu-central-1"}


def _nothing_made(directory: str, names: list[str]) -> set[str]:
    environments = {name for name in names if (Path(directory) / name / "pyvenv.cfg").exists()}
    return {*LEFT_BEHIND(directory, names), *environments}
