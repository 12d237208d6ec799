"""The stand-in workspace: it behaves as Rocket.Chat 8.6 does, as far as Gantry can see it. It is not Rocket.Chat.

In tests, in process and without sleeping:

    clock = ManualClock()
    workspace = Workspace(clock=clock, rate_limits=False)            # people=DEMO_PEOPLE unless told otherwise
    with serve(workspace) as serving:                                # a thread; a free port on 127.0.0.1
        serving.url, serving.port                                    # "http://localhost:…"
        workspace.connect(iframe_url=f"{gantry}/login", api_url=f"{gantry}/session")    # the four iframe settings
        workspace.add(Person(username="erin", email="erin@example.org", verified=False, roles=None))
        workspace.accounts["alice"]                                  # the record as it is now, in Rocket.Chat's shape
        workspace.accounts.login_tokens(workspace.accounts["alice"])     # as they are now, personal ones included
        workspace.accounts.update("alice", {"active": False})        # dotted paths, as $set; unset() as $unset
        workspace.accounts.new_login_token(workspace.accounts["alice"])
        workspace.deactivate("alice")                                # as an administrator does: logins end, too
        workspace.add_administrator()                                # (user id, personal access token)
        workspace.add_administrator("robot", role="bot", ignores_second_factor=False)
        workspace.permissions["bot"].add("create-user")              # role to permissions; its keys are the roles
        workspace.permissions["helper"] = {"create-user"}            # for Person(roles=("helper",))
        workspace.joined                                             # ids of who has joined the default channels
        workspace.version = "7.13"                                   # some calls go by it
        workspace.create_tokens_secret = "…"                         # users.createToken of 8.x
        workspace.create_tokens_for_users = True                     # and of 6.x and 7.x
        workspace.second_factor_always.add("users.create")           # asks even a token that ignores two-factor
        workspace.providers = serving_providers.urls                 # its social logins, which the client 1.x serves
        workspace.settings["Accounts_EmailVerification"] = True      # any setting, by Rocket.Chat's id
        workspace.last_mail("carol").code                            # the newest e-mail code
        clock.advance(61)                                            # e.g. past a rate-limit window
        workspace.calls("login")                                     # Call(route, headers, args, body, address, …)
        workspace.wait_for_calls("me", 2)                            # until so many have arrived
        workspace.fault("login", Fault(status=502, body=b"<html>", headers={"Content-Type": "text/html"}), times=2)
        workspace.fault("me", Fault(hold=event))                     # answers when the event is set (or serving ends)
        workspace.fault("me", Fault(cut=True)); workspace.fault("me", Fault(drip=0.05)); workspace.clear_faults()
        workspace.switches.turn("limited", True)                     # the faults of the page's buttons: see switches.py
        workspace.trace.entries                                      # what the inspector shows, in order

Accounts and settings may also live in a MongoDB database, where whoever else writes there is seen at once:

    from playground.workspace.mongodb import MongoStore
    Workspace(store=MongoStore(client["rocketchat"]))                # `users`, `rocketchat_settings`: read at each use

`call.headers` has lower-case names; what is `password`, `pass` or `secret` in `call.body` reads "<hidden>",
and `call.args` is the query. `Fault(after=True, …)` lets the call take effect before it goes wrong.
`workspace.unauthorized_form = "success"` and `workspace.logins.wrong_credentials = 403` choose the other documented
forms of a 401. `workspace.rate_limiter.reset()` and `workspace.failed_logins.reset()` begin anew.
`workspace.second_factor_routes` are the calls that ask a token for a code unless it ignores two-factor.
"""

from playground.people import DEMO_PEOPLE, PASSWORD, Person
from playground.workspace.calls import Call, Fault
from playground.workspace.serving import Serving, serve, serve_on
from playground.workspace.workspace import ManualClock, Workspace

__all__ = [
    "DEMO_PEOPLE",
    "PASSWORD",
    "Call",
    "Fault",
    "ManualClock",
    "Person",
    "Serving",
    "Workspace",
    "serve",
    "serve_on",
]
