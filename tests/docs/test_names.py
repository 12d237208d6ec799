"""What the pages call things is what they are called."""

import re
from pathlib import Path

import chalice.deploy.deployer
import pytest
from click.testing import CliRunner

from admin.__main__ import admin
from admin.deployment import Deployment
from tests.docs.pages import DOCS, PAGES, blocks, ident

PROD = Deployment.read("prod")


def _default(option: str) -> str:
    """What `init` takes without an option, as its help says."""
    [found] = [each for each in admin.commands["init"].params if option in each.opts]
    template = re.search(r"\[default: (.+)\]", getattr(found, "help", ""))
    assert template
    return template[1].replace("<app>", PROD.app_name).replace("<stage>", PROD.stage)


def test_the_quick_start_names_what_init_makes() -> None:
    """Secret and table have the names on the page that `init` gives them, and the files are the stage's."""
    page = (DOCS / "quick-start.md").read_text("utf-8")
    places = [path.relative_to(PROD.root).as_posix() for path in (PROD.config_file, PROD.policy_file)]
    for name in (_default("--secret-id"), _default("--state-table"), *places):
        assert f"`{name}`" in page


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_log_groups_tables_and_secrets_are_those_of_the_stage(page: Path) -> None:
    """Wherever a log group, a table or a secret of the stage prod is named, it is one that there is."""
    text = page.read_text("utf-8")
    assert set(re.findall(r"/aws/lambda/gantry-prod[\w-]*", text)) <= set(PROD.log_groups)
    assert set(re.findall(r"gantry-prod-state\w*", text)) <= {_default("--state-table")}
    assert set(re.findall(r"\bgantry/prod\w*", text)) <= {_default("--secret-id")}


def test_chalice_prints_what_the_pages_wait_for() -> None:
    """The words by which the pages point to Chalice's output are Chalice's."""
    source = Path(chalice.deploy.deployer.__file__).read_text("utf-8")
    for page, words in (("quick-start.md", "Rest API URL: "), ("custom-domain.md", "AliasDomainName")):
        assert words in (DOCS / page).read_text("utf-8")
        assert words in source


def test_the_console_line_is_the_commands() -> None:
    """The line for the browser's console is the one that `console-login` prints."""
    [block] = [block for block in blocks(DOCS / "clients.md") if block.language == "js"]
    assert block.text.strip() in CliRunner().invoke(admin, ["console-login"]).output
