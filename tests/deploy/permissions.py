"""What an IAM policy allows, as far as Gantry's policies go."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

Document = Mapping[str, Any]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(documents: Iterable[Document]) -> Iterator[dict[str, Any]]:
    """All statements of some policies."""
    for document in documents:
        yield from as_list(document["Statement"])


def allows(document: Document, action: str, arn: str) -> bool:
    """Whether a policy of plain Allow statements allows `action` on `arn`. Conditions count as met."""
    return any(
        any(covers(pattern, action) for pattern in as_list(statement["Action"]))
        and any(_is_among(pattern, arn) for pattern in as_list(statement["Resource"]))
        for statement in statements([document])
    )


def covers(pattern: str, action: str) -> bool:
    """Whether the name of an action, wildcards and any letter case included, stands for `action`."""
    return fnmatchcase(action.lower(), pattern.lower())


def has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


def _is_among(pattern: str, arn: str) -> bool:
    # A wildcard stays within its part of the ARN; the last part, the resource, may hold colons of its own.
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    return pattern == "*" or (len(wanted) == len(given) and all(map(fnmatchcase, given, wanted)))
