"""Repair by hand: bad objects replayed, failed batches archived, hours and sessions rebuilt.

No function runs this. A person does, with rights of their own: `python -m redrive --help`.
"""
