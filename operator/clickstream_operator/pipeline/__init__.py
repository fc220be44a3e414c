"""The design of a pipeline: a spec becomes the list of its AWS resources. Pure."""
