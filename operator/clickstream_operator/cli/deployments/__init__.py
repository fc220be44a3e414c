"""Deployments of the original recipe, and the way from them to a pipeline."""

from clickstream_operator.cli.deployments.manifest import Import, make_import
from clickstream_operator.cli.deployments.model import Deployment

__all__ = ["Deployment", "Import", "make_import"]
