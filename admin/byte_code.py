"""`python -m admin byte-code`: compile ahead what a deployment packs, since Lambda keeps nothing from start to start.

Checked-hash byte code (PEP 552): each file names the source that it was made of, so what an edit has outdated counts
for nothing, here as on Lambda. That of `chalicelib` lies beside it; that of the libraries, of Chalice and of app.py
goes into `vendor/`, which Chalice merges into the archive. Templates are compiled too.
"""

import importlib.metadata
import shutil
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath
from py_compile import PycInvalidationMode, compile

import chalice
import click
from packaging.requirements import Requirement

from chalicelib.web import templates

CHALICE = ("__init__.py", "app.py")
"""What Chalice packs of itself."""

NEVER_LOADED = ("cffi", "gridfs", "pycparser")
"""Packages that are required by others and loaded by no route: their byte code would be dead weight."""


@click.command("byte-code")
@click.option(
    "--remove", is_flag=True, help="Remove it instead: the next archive is as a plain `chalice deploy` packs it."
)
def byte_code(remove: bool) -> None:
    """Compile ahead what is packed. `make package` and `make deploy` run this first.

    A function starts in about half the time with it. Without it everything works, only slower.
    """
    root = Path.cwd()
    clear(root)
    if remove:
        return
    written = [*modules(root), *pages(root)]
    click.echo(f"Compiled {len(written)} files ahead.")


def clear(root: Path) -> None:
    """Remove what an earlier run, or an earlier Python, has left in the directories that are packed."""
    for packed in (root / "chalicelib", root / "vendor"):
        for kept in sorted(packed.rglob("__pycache__")):
            shutil.rmtree(kept)
    for empty in sorted((root / "vendor").rglob("*"), reverse=True):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()


def modules(root: Path) -> Iterator[Path]:
    """Compile every module of the archive and yield where its byte code is."""
    for name, source in sources(root):
        place = root if name.parts[0] == "chalicelib" else root / "vendor"
        target = Path(cache_from_source(str(place / name)))
        # Under the archive's own name: nothing of where it was compiled is in it, so that archives repeat.
        compile(str(source), str(target), str(name), doraise=True, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        yield target


def sources(root: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """Yield every module of the archive, by its name there, with its source here."""
    yield PurePosixPath("app.py"), root / "app.py"
    for path in sorted((root / "chalicelib").rglob("*.py")):
        yield PurePosixPath(path.relative_to(root)), path
    for name in CHALICE:
        yield PurePosixPath("chalice", name), Path(chalice.__file__).with_name(name)
    for requirement in requirements(root):
        files = importlib.metadata.files(requirement.name) or []
        for file in sorted(files):
            if file.suffix == ".py" and ".." not in file.parts and file.parts[0] not in NEVER_LOADED:
                yield PurePosixPath(file), Path(str(file.locate()))


def requirements(root: Path) -> Iterator[Requirement]:
    """Yield what requirements.txt pins."""
    for line in (root / "requirements.txt").read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield Requirement(line)


def pages(root: Path) -> Iterator[Path]:
    """Compile every template and yield where it is."""
    compiled = templates.CompiledAhead(root / "chalicelib" / "templates" / "__pycache__")
    for name in templates.names():
        target = compiled.file(name)
        target.parent.mkdir(exist_ok=True)
        with target.open("wb") as file:
            templates.compile_ahead(name, file)
        yield target
