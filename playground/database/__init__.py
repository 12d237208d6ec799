"""A MongoDB server over the wire, for the tests and the playground: `python -m playground.database` prepares one.

`choice.start()` starts the first engine that is there; `engine.Engine` says what each can.
"""
