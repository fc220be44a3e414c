"""Connection to the API server: from the ServiceAccount of the Pod, or from a kubeconfig."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

from kubernetes import client, config

from clickstream_operator.kube.errors import KubernetesError

_POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def connect(
    kubeconfig: Path | None = None,
    *,
    retries: bool = True,
    context: str | None = None,
    agent: str = "clickstream-operator",
) -> client.ApiClient:
    """An API client, from the kubeconfig if one is given, by its current context or another.

    `agent` is its name in the API server's audit log, and in `managedFields` of what it writes.

    Without `retries` a request whose connection fails is not repeated, so its timeout is exact.

    Raises:
        KubernetesError: there is neither a ServiceAccount nor a kubeconfig.
    """
    settings = client.Configuration()
    if not retries:
        settings.retries = False
    try:
        if kubeconfig is not None or context is not None:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                str(kubeconfig) if kubeconfig else None,
                context=context,
                client_configuration=settings,
            )
        else:
            config.load_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise KubernetesError(
            f"no Kubernetes configuration: {error}; run in a pod or set KUBECONFIG"
        ) from error
    made = client.ApiClient(settings)
    made.user_agent = f"{agent}/{version('clickstream-operator')}"
    return made


def own_namespace(kubeconfig: Path | None = None, *, context: str | None = None) -> str:
    """Namespace of the Pod, or of the kubeconfig's context; ``default`` without either."""
    if kubeconfig is None:
        try:
            return _POD_NAMESPACE.read_text(encoding="utf-8").strip()
        except OSError:
            pass
    try:
        known, active = config.list_kube_config_contexts(  # type: ignore[no-untyped-call]
            str(kubeconfig) if kubeconfig else None
        )
    except config.ConfigException:
        return "default"
    if context is not None:
        active = next((one for one in known if one["name"] == context), active)
    return str(active["context"].get("namespace") or "default")
