"""The Kubernetes side: control plane, certificates, CRDs, and access to the API server."""
