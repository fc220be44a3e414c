"""Scripted sessions on the sandbox: steps that print what a user sees, and judge it.

`session` waits and checks, `screen` prints, `cloud` reads AWS, `play` plays the steps.
"""
