"""The contract with users: spec and status models, conditions, reasons, and the CRD made of them."""
