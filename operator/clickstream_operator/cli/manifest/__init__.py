"""Manifests offline: read with their lines, and checked by every rule of the CRD."""

from clickstream_operator.cli.manifest.documents import Document, load
from clickstream_operator.cli.manifest.pipelines import key_of, pipelines, valid_pipelines
from clickstream_operator.cli.manifest.schema import Fault, faults_of

__all__ = ["Document", "Fault", "faults_of", "key_of", "load", "pipelines", "valid_pipelines"]
