"""The arithmetic of the page on cost, done again."""

import json
import re

import pytest

from admin.doctor.account import A_PAGE_LOAD
from chalicelib.aws import TTL_SECONDS
from tests.docs.pages import DOCS, ROOT, rows, section

PAGE = DOCS / "cost.md"
MILLION = 1_000_000


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


DONE = {cells[0]: _numbers(cells[1]) for cells in rows(section(PAGE, "## What people do"))}
PRICES = {cells[0]: _numbers(cells[1])[0] for cells in rows(section(PAGE, "## Prices"))}
MONTH = [[cell.strip("*") for cell in cells] for cells in rows(section(PAGE, "## A month"))]
PEOPLE = (50, 5000)


def _done(beginning: str) -> list[float]:
    [found] = [values for name, values in DONE.items() if name.startswith(beginning)]
    return found


def _price(beginning: str) -> float:
    [found] = [price for name, price in PRICES.items() if name.startswith(beginning)]
    return found


def _shown(beginning: str, column: int) -> float:
    [found] = [cells for cells in MONTH if cells[0].startswith(beginning)]
    return _numbers(found[1 + column])[0]


def _requests_a_person() -> float:
    [signing_in, leaving] = _done("pages and forms")
    loads = _done("page loads")[0] * _done("session checks of a page load, signed in")[0]
    sign_ins = _done("sign-ins")[0] * (_done("session checks of a page load, signed out")[0] + signing_in)
    logouts = _done("logouts")[0] * (_done("session checks of a logout")[0] + leaving)
    return _done("working days")[0] * (loads + sign_ins + logouts)


def test_requests_of_a_person() -> None:
    """The requests of one person are what the loads, sign-ins and logouts come to, and the sentence says the same."""
    assert f"**{_requests_a_person():.0f}**" in section(PAGE, "## What people do")


@pytest.mark.parametrize("column", [0, 1])
def test_the_month_adds_up(column: int) -> None:
    """Each line of the month is its arithmetic over the assumptions and prices, to the cent, and so is the sum."""
    people, days = PEOPLE[column], _done("working days")[0]
    requests, sign_ins = people * _requests_a_person(), people * days * _done("sign-ins")[0]
    assert (_shown("requests", column), _shown("sign-ins", column)) == (round(requests), round(sign_ins))
    containers = _shown("containers", column)
    reads, writes = _done("reads and writes of the table")
    gigabyte_seconds = requests * _done("billed seconds")[0] * _done("memory")[0] / 1024
    secret_reads = containers * _done("reads of the secret")[0] * _done("hours of use")[0] * days
    dynamodb = sign_ins * (reads * _price("DynamoDB on demand, reads") + writes * _price("DynamoDB on demand, writes"))
    costs = {
        "API Gateway": requests / MILLION * _price("API Gateway"),
        "Lambda, requests": requests / MILLION * _price("Lambda, requests"),
        "Lambda, GB-seconds": gigabyte_seconds * _price("Lambda, duration"),
        "the secret": _price("Secrets Manager, secret"),
        "reads of the secret": secret_reads / 10_000 * _price("Secrets Manager, calls"),
        "DynamoDB": dynamodb / MILLION,
        "logs": requests * _done("bytes of log")[0] / 1e9 * _price("CloudWatch Logs"),
        "ten alarms": 10 * _price("CloudWatch, alarm") + 5 * _price("CloudWatch, metric"),
    }
    for name, cost in costs.items():
        assert _shown(name, column) == pytest.approx(cost, abs=0.005), name
    assert _shown("together", column) == pytest.approx(sum(costs.values()), abs=0.005)
    hours = 730
    assert _shown("a NAT gateway", column) == pytest.approx(hours * (_price("NAT") + _price("public IPv4")))


def test_the_first_sentence_is_the_sum() -> None:
    """The page begins with what the month comes to, in whole dollars."""
    said = _numbers(section(PAGE, "# Cost").split("**")[1])
    assert said == [round(_shown("together", 0)), PEOPLE[0], round(_shown("together", 1)), PEOPLE[1]]


def test_what_comes_from_rocket_chat() -> None:
    """The bursts of checks are those of the stand-in's client, which were measured with Rocket.Chat's own code."""
    client = (ROOT / "playground" / "workspace" / "static" / "clients" / "fetch.js").read_text("utf-8")
    [(signed_in, signed_out)] = re.findall(r"checksAtLoad: \(stored\) => \(stored \? (\d) : (\d)\)", client)
    [logout] = re.findall(r"checksAtLogout: ([2-9])", client)
    assert [int(signed_in)] == _done("session checks of a page load, signed in")
    assert [int(signed_out)] == _done("session checks of a page load, signed out") == [A_PAGE_LOAD]
    assert [int(logout)] == _done("session checks of a logout")


def test_what_comes_from_gantry() -> None:
    """Memory and the reads of the secret are those of the configuration and of the code."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    assert [config["lambda_memory_size"]] == _done("memory")
    assert _done("reads of the secret") == [3600 / TTL_SECONDS]


def test_there_are_ten_alarms_and_five_metrics() -> None:
    """The alarms and metrics that are paid for are those of the template."""
    text = (ROOT / "cloudformation" / "operations.yaml").read_text("utf-8")
    assert text.count("Type: AWS::CloudWatch::Alarm") == 10
    assert len(set(re.findall(r"MetricTransformations:\n.*\n\s+MetricName: (\w+)", text))) == 5
