// Only the CRDs in these modules are used: the examples for Flux are validated by them.
module clickstream-operator/sandbox/flux

go 1.27.0

require (
	github.com/fluxcd/helm-controller v1.6.0
	github.com/fluxcd/kustomize-controller v1.10.1
	github.com/fluxcd/source-controller v1.10.1
)
