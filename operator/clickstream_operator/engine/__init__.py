"""The engine: observe, plan, apply, for any set of resources. Knows no AWS service, no Kubernetes."""
