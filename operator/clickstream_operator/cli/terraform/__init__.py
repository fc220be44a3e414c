"""A pipeline as a configuration of Terraform."""

from clickstream_operator.cli.terraform.configuration import configuration
from clickstream_operator.cli.terraform.reading import Found, read_all

__all__ = ["Found", "configuration", "read_all"]
