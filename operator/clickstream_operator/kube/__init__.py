"""The edge to Kubernetes: client, objects, Events, leases, election, permissions."""
