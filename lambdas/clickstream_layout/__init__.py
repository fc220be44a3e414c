"""Layout of a pipeline's stored data: keys of items, names of objects, the sketch of visitors.

The functions write by it, `redrive` and `clickstream_operator.query` read by it, and the operator
makes the tables by it. It imports only the standard library, because it ships in the functions'
packages, in the operator's image and in its wheel. Its name is unique, because in the wheel it
stands beside the packages of others.
"""
