"""The page templates: read from their files, and compiled ahead where the archive brings them so.

Compiling takes longer than all the rest of a login page, and Lambda keeps nothing from one cold start to the next.
"""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from jinja2 import BytecodeCache, Environment, FunctionLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

_HERE = Path(__file__).parent.parent
SOURCES = _HERE / "templates"
COMPILED = SOURCES / "__pycache__"


class CompiledAhead(BytecodeCache):
    """Read compiled templates from `directory`; whatever is not there is compiled as ever, and not kept.

    Like a checked-hash byte code file, each names the source that it was made of (jinja2, "Bytecode Cache"): after an
    edit, or under another Python, it counts for nothing.
    """

    def __init__(self, directory: Path = COMPILED) -> None:
        self._directory = directory

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill `bucket` where there is something for it."""
        try:
            with self.file(bucket.key).open("rb") as compiled:
                bucket.load_bytecode(compiled)
        except FileNotFoundError:
            return

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep nothing: on Lambda the code's directory cannot be written."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return the template's own name: there is one directory of templates, wherever it lies."""
        return name

    def file(self, name: str) -> Path:
        """Return where the compiled template of that name lies."""
        python = sys.implementation.cache_tag
        return self._directory / f"{name}.{python}.jinja"


@cache
def environment() -> Environment:
    """Return the environment that draws all pages."""
    made = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=CompiledAhead(),
    )
    # The texts come with each page, so that all languages share the compiled templates.
    made.globals.update(static=cache(_static))
    return made


def compile_ahead(name: str, into: BinaryIO) -> None:
    """Write the compiled template `name` into a file, for `CompiledAhead` to read."""
    made = environment()
    source, filename, _ = _source(name)
    bucket = Bucket(made, name, CompiledAhead().get_source_checksum(source))
    bucket.code = made.compile(source, name, filename)
    bucket.write_bytecode(into)


def names() -> Iterator[str]:
    """Yield the names of all templates, in order."""
    yield from sorted(path.name for path in SOURCES.glob("*.html"))


def _source(name: str) -> tuple[str, str, None]:
    # The name stands in for the path: what is compiled then tells nothing of where that was.
    return (SOURCES / name).read_text("utf-8"), name, None


def _static(name: str) -> Markup:
    return Markup((_HERE / "static" / name).read_text("utf-8"))  # noqa: S704 - our own file, not input
