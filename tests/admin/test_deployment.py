"""A stage as `.chalice/` describes it."""

import json
from pathlib import Path

import click
import pytest
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder
from chalice.deploy.models import RestAPI, ScheduledEvent

import app
from admin.deployment import SETTINGS, Deployment
from chalicelib.errors import ConfigurationError
from tests.admin.checkout import Checkout


def read(checkout: Checkout, stage: str = "prod") -> Deployment:
    return Deployment.read(stage, checkout.root)


def test_the_environment_is_what_chalice_makes_of_it(checkout: Checkout) -> None:
    """The stage's variables stand over those of the top level, as Chalice itself merges them."""
    checkout.configure(
        {"SECRET_ID": "own", "LOG_LEVEL": "DEBUG"}, environment_variables={"LOG_LEVEL": "INFO", "A": "b"}
    )
    merged = Config(chalice_stage="prod", config_from_disk=checkout.config).environment_variables
    assert read(checkout).environ == merged == {"SECRET_ID": "own", "LOG_LEVEL": "DEBUG", "A": "b"}


def test_the_functions_have_the_names_that_chalice_gives_them(checkout: Checkout) -> None:
    """Log groups and policy name exactly the functions that Chalice will make."""
    config = Config(
        chalice_stage="prod",
        user_provided_params={"chalice_app": app.app, "project_dir": str(checkout.root)},
        config_from_disk=checkout.config,
    )
    made = ApplicationGraphBuilder().build(config, "prod").resources
    names = [each.lambda_function.function_name for each in made if isinstance(each, RestAPI | ScheduledEvent)]
    deployment = read(checkout)
    assert sorted(names) == sorted(deployment.functions)
    assert deployment.log_groups == tuple(f"/aws/lambda/{name}" for name in deployment.functions)


def test_what_is_not_named_stays_as_it_was(checkout: Checkout) -> None:
    """A write changes the variables that it names, keeps order, other stages and indentation, and says which file."""
    config = {**checkout.config, "tags": {"z": "é", "a": "1"}}
    config["stages"]["prod"] = {"lambda_memory_size": 512, "environment_variables": {"B": "1", "A": "2", "C": "3"}}
    checkout.configure()
    deployment = read(checkout)
    deployment.config_file.write_text(json.dumps(config, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
    assert deployment.write(environment={"A": "new", "C": None, "D": "4"}) == [deployment.config_file]
    config["stages"]["prod"]["environment_variables"] = {"B": "1", "A": "new", "D": "4"}
    expected = json.dumps(config, indent=4, ensure_ascii=False) + "\n"
    assert deployment.config_file.read_text(encoding="utf-8") == expected
    assert deployment.write(environment={"A": "new", "C": None}) == []
    assert sorted(path.name for path in deployment.config_file.parent.iterdir()) == [
        "config.json",
        "policy-dev.json",
        "policy-prod.json",
    ]


def test_a_value_of_the_top_level_is_not_repeated_in_the_stage(checkout: Checkout) -> None:
    """A variable that has its value by the top level already is not written into the stage."""
    checkout.configure({}, environment_variables={"A": "1"})
    assert read(checkout).write(environment={"A": "1"}) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "There is no"),
        ("{", "is not JSON (line 1)"),
        ("[]", "is not a JSON object"),
        ('{"app_name": "gantry"}', 'no object "stages"'),
        ('{"stages": {"prod": {}}}', 'has no "app_name"'),
        ('{"app_name": "gantry", "stages": {"dev": {}}}', "has no stage prod, only dev"),
        ('{"app_name": "g", "stages": {"prod": {"environment_variables": {"SESSION_HOURS": 8}}}}', "all texts"),
    ],
)
def test_a_file_that_chalice_could_not_use_is_refused_with_its_reason(
    tmp_path: Path, text: str | None, why: str
) -> None:
    """What is wrong with config.json is one sentence that names the file or the key."""
    (tmp_path / ".chalice").mkdir()
    if text is not None:
        (tmp_path / ".chalice" / "config.json").write_text(text)
    with pytest.raises(click.ClickException) as refused:
        Deployment.read("prod", tmp_path)
    assert why in refused.value.message
    assert "config.json" in refused.value.message


def test_the_address_is_that_of_the_deployed_api(checkout: Checkout) -> None:
    """The address comes from Chalice's state, without a slash at its end; there is none before the first deploy."""
    assert (read(checkout).deployed, read(checkout).url) == (None, None)
    checkout.deployed("https://abc.execute-api.eu-central-1.amazonaws.com/api")
    assert read(checkout).url == "https://abc.execute-api.eu-central-1.amazonaws.com/api"


def test_a_custom_domain_is_the_address(checkout: Checkout) -> None:
    """Where the stage has a custom domain that was deployed, people are sent there, with its prefix."""
    checkout.deployed("https://abc.execute-api.eu-central-1.amazonaws.com/api")
    path = read(checkout).deployed_file
    state = json.loads(path.read_text())
    state["resources"].append({"name": "api_gateway_custom_domain", "domain_name": "login.example.com"})
    path.write_text(json.dumps(state))
    assert read(checkout).url == "https://login.example.com"
    checkout.configure(api_gateway_custom_domain={"domain_name": "login.example.com", "url_prefix": "gantry"})
    assert read(checkout).url == "https://login.example.com/gantry"


def test_a_private_network_is_noticed(checkout: Checkout) -> None:
    """Functions with subnets, by the stage or the top level, are in a private network."""
    assert not read(checkout).in_vpc
    checkout.configure(subnet_ids=["subnet-1"])
    assert read(checkout).in_vpc


def test_without_a_region_it_is_said_how_to_name_one(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a region the sentence has the command that names one."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(click.ClickException, match="export AWS_DEFAULT_REGION="):
        _ = read(checkout).region


def test_the_settings_are_those_that_the_service_reads() -> None:
    """The names of the settings are asked of the service's own reader, so none is missing."""
    assert {"ROCKETCHAT_URL", "SECRET_ID", "DIRECTORY", "STATE_TABLE", "LOG_LEVEL", "COOKIE_SITE"} <= set(SETTINGS)


def test_the_services_own_pieces_log_nothing_here(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """The service's pieces over a stage raise what is wrong, and print no line of their log."""
    with pytest.raises(ConfigurationError):
        _ = read(checkout).gantry().settings
    assert capsys.readouterr().out == ""
