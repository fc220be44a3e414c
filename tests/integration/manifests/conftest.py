"""The API server with the committed CRD, in a namespace of the test module."""

import uuid
from collections.abc import Iterator

import pytest

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL
from sandbox import Sandbox
from tests.integration.manifests.api_server import Api, eventually, new_client
from tests.integration.manifests.tables import CRD


@pytest.fixture(scope="module")
def installed(sandbox: Sandbox) -> Iterator[Api]:
    """Install the committed CRD and yield the API in a namespace of this module."""
    sandbox.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    sandbox.kubectl("wait", "--for=condition=Established", f"crd/{PLURAL}.{GROUP}")
    namespace = f"manifests-{uuid.uuid4().hex[:8]}"
    sandbox.kubectl("create", "namespace", namespace)
    with new_client(str(sandbox.kubeconfig)) as clients:
        api = Api(sandbox, namespace, clients)
        # Handlers and the published schema follow an established CRD with a small delay.
        eventually(lambda: "FIELDS" in api.kubectl("explain", "csp.spec", check=False))
        yield api
    sandbox.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def api(installed: Api) -> Iterator[Api]:
    """Yield the API; objects that the test made are removed."""
    yield installed
    installed.delete_all()
