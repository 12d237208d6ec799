"""Checks of the deployed Gantry, by the requests that a browser of the workspace makes."""

from collections.abc import Iterator

from admin.doctor.finding import Finding, shown
from admin.doctor.patient import Change, Patient
from admin.doctor.sites import relation
from chalicelib.config import Settings
from chalicelib.errors import GantryError
from chalicelib.rocketchat import Reply
from chalicelib.web.cookies import NAME

FOREIGN = "https://gantry-doctor.invalid"
"""Nobody's origin: `.invalid` is never given to anybody (RFC 6761 section 6.4)."""

_WHY = "The workspace's client shows the login page over and over, or its browser throws Gantry's answers away"
_WAYS = ("secret", "database", "workspace", "state", "settings")


def session(patient: Patient) -> Iterator[Finding]:
    """Whether `/session` answers each of the workspace's origins as the Fetch standard wants it, and nobody else."""
    faults: list[str] = []
    try:
        for origin in patient.settings.origins:
            for method in ("GET", "POST"):
                reply = patient.at_gate(method, "/session", Origin=origin)
                faults += [f"{method} /session for {origin}: {fault}" for fault in check_faults(reply, origin)]
            asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
            reply = patient.at_gate("OPTIONS", "/session", Origin=origin, **asked)
            faults += [f"OPTIONS /session for {origin}: {fault}" for fault in preflight_faults(reply, origin)]
        if faults:
            remedy = f"{patient.deploy}; if that does not help: {_logs(patient)}"
            yield Finding("error", "session", "; ".join(dict.fromkeys(faults)), _WHY, remedy)
        else:
            yield Finding("ok", "session", f"{patient.url}/session answers browsers of the workspace")
        yield from _strangers(patient)
    except GantryError as error:
        remedy = f"curl -i {patient.url}/health; if nothing is there: {patient.deploy}, or name the address with --url"
        yield Finding("error", "session", f"{patient.url} does not answer ({error})", _WHY, remedy)


def check_faults(reply: Reply, origin: str) -> Iterator[str]:
    """Yield what is wrong with the answer to a check without a cookie."""
    if reply.status != 401:
        yield _status(reply)
        return
    if reply.body:
        yield "401 with a body, which is not Gantry's"
    yield from _cors_faults(reply, origin)


def preflight_faults(reply: Reply, origin: str) -> Iterator[str]:
    """Yield what is wrong with the answer to a preflight."""
    if reply.status not in (200, 204):
        yield _status(reply)
        return
    yield from _cors_faults(reply, origin)
    methods = {each.strip() for each in reply.headers.get("access-control-allow-methods", "").split(",")}
    if not {"GET", "POST"} <= methods:
        yield "Access-Control-Allow-Methods lacks GET or POST"
    if "content-type" not in reply.headers.get("access-control-allow-headers", "").lower():
        yield "Access-Control-Allow-Headers lacks Content-Type"


def _cors_faults(reply: Reply, origin: str) -> Iterator[str]:
    allowed = reply.headers.get("access-control-allow-origin")
    if allowed != origin:
        yield f"Access-Control-Allow-Origin is {shown(allowed)}"
    if reply.headers.get("access-control-allow-credentials") != "true":
        yield "Access-Control-Allow-Credentials is not true"
    if "origin" not in {each.strip().lower() for each in reply.headers.get("vary", "").split(",")}:
        yield "Vary lacks Origin"


def _status(reply: Reply) -> str:
    if reply.status == 403 and b"Missing Authentication Token" in reply.body:
        return "403, API Gateway knows no such address: is the stage (/api) in it?"
    said = {
        200: "200 without a cookie: this is not Gantry",
        403: "403, it takes another workspace for its own (ROCKETCHAT_URL, ALLOWED_ORIGINS)",
        429: "429, the stage is throttled",
        502: "502, the function fails",
        503: "503, it cannot use its settings or its secret",
        504: "504, the function takes too long",
    }
    return said.get(reply.status, f"status {reply.status}")


def _strangers(patient: Patient) -> Iterator[Finding]:
    """Ask as pages that have no business here; the second one begins like the workspace."""
    for stranger in (FOREIGN, f"{patient.settings.origins[0]}.gantry-doctor.invalid"):
        reply = patient.at_gate("GET", "/session", Origin=stranger)
        if reply.status == 403 and "access-control-allow-origin" not in reply.headers:
            continue
        what = f"/session answers {stranger} with {reply.status}, and should refuse it"
        why = "Any page could read the tokens of whoever visits it"
        yield Finding("error", "session", what, why, f"{patient.deploy}; is there a proxy that adds CORS headers?")
        return
    yield Finding("ok", "session", "a foreign origin is refused")


def cookie(patient: Patient) -> Iterator[Finding]:
    """Whether the cookie is the right one for where the workspace and Gantry are."""
    settings = patient.settings
    if patient.url is not None:
        yield from site(settings, patient.url, patient.change)
    try:
        # Nothing that was sealed, so it is answered with the cookie's removal, which has its attributes.
        reply = patient.at_gate("GET", "/session", Origin=settings.origins[0], Cookie=f"{NAME}=doctor")
    except GantryError:
        return
    given = reply.headers.get("set-cookie")
    if reply.status != 401 or given is None:
        what = "the deployed function left a cookie of nobody's alone, so the attributes of its own were not seen"
        remedy = "Run the doctor again in half a minute: it is sure of a cookie that no key opens only so often"
        yield Finding("note", "cookie", what, "", remedy)
        return
    faults = cookie_faults(given, settings)
    if faults:
        what = f"the deployed cookie: {'; '.join(faults)}"
        why = "Browsers drop such a cookie, or keep it from the session check"
        yield Finding("error", "cookie", what, why, f"{patient.deploy}; is there a proxy that changes cookies?")
    else:
        yield Finding("ok", "cookie", "the deployed cookie has the attributes that it needs")


def site(settings: Settings, url: str, change: Change) -> Iterator[Finding]:
    """Compare COOKIE_SITE with where the two addresses are (see `sites`)."""
    found = relation(settings.rocketchat_url, url)
    where = f"{settings.rocketchat_url} and {url}"
    if found == "unsure":
        what = f"whether {where} are one site cannot be told here"
        remedy = "Look for their common ending at https://publicsuffix.org/list/; COOKIE_SITE=same if it can be bought"
        yield Finding("note", "COOKIE_SITE", what, "", remedy)
    elif found == settings.cookie_site:
        kind = "one site" if found == "same" else "two sites"
        yield Finding("ok", "COOKIE_SITE", f"{where} are {kind}, and COOKIE_SITE={found}")
    elif found == "cross":
        what = f"COOKIE_SITE=same, and {where} are two sites"
        why = "Browsers keep a SameSite=Lax cookie from the session check: every reload asks for the password again"
        yield Finding("error", "COOKIE_SITE", what, why, change("COOKIE_SITE=cross"))
    else:
        what = f"COOKIE_SITE=cross, and {where} are one site"
        why = "It works, but Safari drops such a cookie, and a plain one would do"
        yield Finding("warning", "COOKIE_SITE", what, why, change("COOKIE_SITE=same"))


def cookie_faults(given: str, settings: Settings) -> list[str]:
    """Return what is wrong with a `Set-Cookie` of the session."""
    pair, *rest = (part.strip() for part in given.split(";"))
    attributes = {each.lower() for each in rest}
    cross = settings.cookie_site == "cross"
    wanted = {"path=/", "secure", "httponly"} | ({"samesite=none", "partitioned"} if cross else {"samesite=lax"})
    faults = [f"{each} is missing" for each in sorted(wanted - attributes)]
    if not pair.startswith(f"{NAME}="):
        faults.append("another name")
    if any(each.startswith("domain=") for each in attributes):
        faults.append("it has a Domain")
    return faults


def login_page(patient: Patient) -> Iterator[Finding]:
    """Whether the login page may be shown inside the workspace."""
    try:
        frame = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}
        reply = patient.at_gate("GET", "/login", Accept="text/html", **frame)
    except GantryError:
        return
    policy = {
        words[0]: words[1:]
        for words in (part.split() for part in reply.headers.get("content-security-policy", "").split(";"))
        if words
    }
    missing = [each for each in patient.settings.origins if each not in policy.get("frame-ancestors", [])]
    faults = []
    if reply.status != 200:
        faults.append(f"status {reply.status}")
    elif missing:
        faults.append(f"{', '.join(missing)} may not frame it")
    if "x-frame-options" in reply.headers:
        faults.append("it comes with X-Frame-Options, which Gantry does not send")
    if faults:
        why = "The workspace shows an empty frame in the place of the login page"
        yield Finding(
            "error", "login page", "; ".join(faults), why, f"{patient.deploy}; if that does not help: {_logs(patient)}"
        )
    else:
        yield Finding("ok", "login page", "may be shown inside the workspace")


def inside(patient: Patient) -> Iterator[Finding]:
    """What the deployed function reaches itself: its rights and its network are not those of whoever runs this."""
    try:
        reached = patient.health()
    except GantryError:
        yield Finding("note", "health", f"{patient.url}/health?deep=1 tells nothing")
        return
    remedies = {
        "settings": patient.command("check-config"),
        "secret": "Allow secretsmanager:GetSecretValue on its full ARN in .chalice/policy-"
        f"{patient.deployment.stage}.json ({patient.command('init')} does), then {patient.deploy}",
        "database": "Atlas → Network Access: let the function's addresses in (0.0.0.0/0 without a VPC)",
        "workspace": "Let the workspace's firewall pass AWS's addresses",
        "state": f"Allow GetItem and PutItem on the table ({patient.command('init')} does), then {patient.deploy}",
    }
    unreached = [name for name in _WAYS if reached.get(name) is False]
    for name in unreached:
        what = f"the deployed function cannot use: {name}"
        yield Finding("error", "health", what, "It refuses sign-ins and cannot check sessions", remedies[name])
    if not unreached:
        yield Finding("ok", "health", f"the deployed function reaches {', '.join(reached)}")


def _logs(patient: Patient) -> str:
    return f"aws logs tail {patient.deployment.log_groups[0]} --since 10m"
