"""A database for tests: `tests.database.fixtures` has the fixtures, and what a test asks of the engine is said by

@needs_mongodb("authentication")
def test_a_rotated_password(engine: Engine, database: FreshDatabase) -> None: ...
"""

import pytest

from playground.database.capabilities import Capability


def needs_mongodb(*capabilities: Capability) -> pytest.MarkDecorator:
    """Skip the test by name where the engine of this run cannot do all of these."""
    return pytest.mark.needs_mongodb(*capabilities)
