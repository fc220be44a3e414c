"""Scripted sessions on the sandbox: steps that print what a user sees, and judge it.

`session` waits, looks and judges, `screen` prints, `cloud` looks at AWS, `play` plays the steps.
"""
