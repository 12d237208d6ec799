"""The vendors whose own login a workspace relays: each says whose token the browser brought, and whether it is ours."""
