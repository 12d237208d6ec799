"""Gantry: serverless IFrame authentication for Rocket.Chat."""

import sys

__version__ = "0.1.0"

# pymongo looks for its pyOpenSSL support, loads all of cryptography's X.509 for that, and then misses pyOpenSSL, which
# does not ship. Told so beforehand it saves a tenth of a cold check.
sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]
