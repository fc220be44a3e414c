"""Kinds of AWS resources: one module each, and no kind imports another."""
