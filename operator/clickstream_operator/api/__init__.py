"""The contract with users: spec, status, conditions, reasons, and the CRD made of them."""
