"""What stands in a fenced block is what it says it is."""

import json
from typing import Any

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks, ident

BLOCKS = [block for page in PAGES for block in blocks(page)]
LANGUAGES = {"", "sh", "json", "js", "insights", "mermaid"}


def _id(block: Block) -> str:
    return f"{ident(block.page)}: {block.text.strip().splitlines()[0][:40]}"


def _of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def test_every_block_is_of_a_known_kind() -> None:
    """No block has a language that no test looks at."""
    assert {block.language for block in BLOCKS} <= LANGUAGES


@pytest.mark.parametrize("block", _of("json"), ids=_id)
def test_data_can_be_read(block: Block) -> None:
    """Each block of JSON parses."""
    assert json.loads(block.text)


@pytest.mark.parametrize("block", [block for block in _of("json") if '"stages"' in block.text], ids=_id)
def test_what_belongs_in_config_json_is_known_to_chalice(block: Block) -> None:
    """Each key that a page puts into a stage is one that Chalice reads, and each variable a setting of Gantry's."""
    from chalice.config import Config

    from admin.deployment import SETTINGS

    document: dict[str, Any] = json.loads(block.text)
    for stage in document["stages"].values():
        for key in stage:
            assert key == "environment_variables" or hasattr(Config, key), key
        assert set(stage.get("environment_variables", {})) <= set(SETTINGS)
        for name, value in stage.get("api_gateway_custom_domain", {}).items():
            assert name in {"domain_name", "certificate_arn", "tls_version", "url_prefix", "tags"}
            assert isinstance(value, str)


def test_chalice_takes_the_custom_domain(tmp_path: Any) -> None:
    """Chalice makes a domain name, its mapping and the stage's environment of the page's custom domain."""
    from chalice.cli.factory import CLIFactory

    [block] = [block for block in _of("json") if "api_gateway_custom_domain" in block.text]
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    config["stages"]["prod"] |= json.loads(block.text)["stages"]["prod"]
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
    (tmp_path / "app.py").write_text("from chalice import Chalice\napp = Chalice(app_name='gantry')\n")
    loaded = CLIFactory(str(tmp_path)).create_config_obj("prod")
    assert loaded.api_gateway_custom_domain["domain_name"] == "login.example.com"
    assert loaded.environment_variables["COOKIE_SITE"] == "same"
