"""Demos of the make targets, step by step."""
