"""The engine: observe, plan, apply, remove. Knows no AWS service and no Kubernetes."""
