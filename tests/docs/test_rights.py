"""The rights and indexes on the page about MongoDB are those that Gantry needs."""

import json
import re

import pytest

from admin.doctor.database import Rights, needed
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.indexes import INDEXES
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "mongodb-atlas.md"
TEXT = "\n".join(block.text for block in blocks(PAGE))


@pytest.fixture
def most() -> Rights:
    """What the user needs with the settings that need most."""
    settings = Settings.from_environ(
        {
            "ROCKETCHAT_URL": "https://chat.example.com",
            "SECRET_ID": "s",
            "DIRECTORY": "users",
            "TOKEN_SOURCE": "mongodb",
            "PROVISION": "create",
        }
    )
    return needed(settings, Credentials(session_keys=()))


def test_the_role_has_the_rights_that_are_needed(most: Rights) -> None:
    """The role for mongosh grants what the doctor asks for, on the four collections, and nothing else."""
    [block] = [block for block in blocks(PAGE) if "createRole" in block.text]
    role = json.loads(block.text[block.text.index("({") + 1 : block.text.rindex(")")])
    granted = {each["resource"]["collection"]: frozenset(each["actions"]) for each in role["privileges"]}
    assert granted == most
    assert {each["resource"]["db"] for each in role["privileges"]} == {"rocketchat"}
    assert role["roles"] == []


def test_atlas_is_told_the_same(most: Rights) -> None:
    """The Atlas command grants the same rights as the role for mongosh."""
    granted = re.findall(r"([A-Z]+)@rocketchat\.(\w+)", TEXT)
    assert sorted(granted) == sorted((action.upper(), name) for name, actions in most.items() for action in actions)


def test_the_indexes_are_the_list() -> None:
    """Each of Gantry's own indexes is made by a line of the page, with its options, and no other."""
    shown = re.findall(r"\.(\w+)\.createIndex\((\{.*?\}), (\{.*?\})\)", TEXT)
    found = [(collection, json.loads(key), json.loads(options)) for collection, key, options in shown]
    assert found == [(each.collection, {each.field: 1}, each.options) for each in INDEXES]
