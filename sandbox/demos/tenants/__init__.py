"""Demo of two tenants: the attacks of one on the other, each with what stops it."""
