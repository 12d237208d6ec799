"""The alarms of `cloudformation/`: how their templates are read, and which metrics a log line counts for."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from chalice.package import YAMLTemplateSerializer

TEMPLATES = Path(__file__).parents[2] / "cloudformation"


def template(name: str) -> dict[str, Any]:
    """A template of `cloudformation/`."""
    return read(TEMPLATES / name)


def read(path: Path) -> dict[str, Any]:
    """A template, as Chalice reads it: `!Ref X` is `{"Ref": "X"}`."""
    return dict(YAMLTemplateSerializer().load_template(path.read_text("utf-8"), str(path)))


def resources(of: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of one kind, by name."""
    return {name: each["Properties"] for name, each in of["Resources"].items() if each.get("Type") == kind}


def counted(log: str) -> Counter[str]:
    """How often the lines of the API function's log count for each metric of `operations.yaml`."""
    group = {"Fn::Sub": "/aws/lambda/${App}-${Stage}"}
    filters = resources(template("operations.yaml"), "AWS::Logs::MetricFilter").values()
    return Counter(
        transformation["MetricName"]
        for line in log.splitlines()
        for each in filters
        if each["LogGroupName"] == group and matches(each["FilterPattern"], line)
        for transformation in each["MetricTransformations"]
    )


def matches(pattern: str, line: str) -> bool:
    """Whether a line matches a JSON filter pattern, as far as Gantry's patterns go: fields that equal texts.

    CloudWatch Logs User Guide, "Filter pattern syntax for metric filters": `{ ($.field = "text") && (…) }`.
    """
    inside = re.fullmatch(r"\{ (.+) \}", pattern)
    assert inside, pattern
    terms = [re.fullmatch(r'\(?\$\.(\w+) = "([^"*]*)"\)?', term) for term in inside[1].split(" && ")]
    fields = json.loads(line)
    for term in terms:
        assert term, pattern
        if fields.get(term[1]) != term[2]:
            return False
    return True
