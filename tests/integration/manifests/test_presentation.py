"""Status, columns, descriptions: the CRD as people and programs read it."""

from tests.integration.manifests.api_server import Api
from tests.integration.manifests.objects import Json, manifest
from tests.integration.manifests.tables import spec_schema


def test_a_new_object_is_not_current(api: Api) -> None:
    """Without a status, kstatus would call it Current before the first reconcile."""
    created = api.create({**manifest({}), "status": {"observedGeneration": 7}})
    assert created["metadata"]["generation"] == 1
    assert created["status"] == {"observedGeneration": -1}


def test_status_keeps_what_it_knows(api: Api) -> None:
    """Unknown fields are dropped, open outputs kept, and the generation stays."""
    api.create(manifest({}))
    stored = api.patch_status(
        "probe",
        {
            "observedGeneration": 1,
            "nonsense": True,
            "outputs": {"kinesisStreamName": "probe-events", "kinesisStreamShards": 2},
            "effective": {"region": "eu-west-1", "nonsense": "x", "names": {"stream": "x"}},
        },
    )
    assert stored["metadata"]["generation"] == 1
    assert stored["status"] == {
        "observedGeneration": 1,
        "outputs": {"kinesisStreamName": "probe-events", "kinesisStreamShards": 2},
        "effective": {"region": "eu-west-1", "names": {"stream": "x"}},
    }


def test_columns(api: Api) -> None:
    """`kubectl get` shows state and size; `-o wide` also price, comparison, reason and place."""
    api.create(manifest({}))
    bare = api.kubectl("get", "csp").splitlines()
    assert bare[0].split() == ["NAME", "READY", "STATUS", "STREAM", "SHARDS", "AGE"]
    assert bare[1].split()[0] == "probe"
    api.patch_status(
        "probe",
        {
            "conditions": [
                {
                    "type": "Ready",
                    "status": "False",
                    "reason": "AccessDenied",
                    "message": "The role may not create streams.",
                    "lastTransitionTime": "2026-11-01T00:00:00Z",
                    "observedGeneration": 1,
                }
            ],
            "outputs": {"kinesisStreamName": "probe-events", "kinesisStreamShards": 2},
            "effective": {"region": "eu-west-1", "account": "123456789012"},
            "estimatedMonthlyCost": "36.80",
            "lastVerified": "2026-11-01T00:00:00Z",
        },
    )
    titles, row = api.kubectl("get", "clickstream", "-o", "wide").splitlines()
    assert titles.split() == [
        *bare[0].split(),
        *("COST", "VERIFIED", "BALANCED", "MESSAGE", "REGION", "ACCOUNT"),
    ]
    name, ready, status, stream, shards, _, cost, _, *message, region, account = row.split()
    assert (name, ready, status, stream, shards) == (
        *("probe", "False", "AccessDenied"),
        *("probe-events", "2"),
    )
    assert (region, account, cost) == ("eu-west-1", "123456789012", "36.80")
    assert " ".join(message) == "The role may not create streams."


def test_explain_is_the_manual(api: Api) -> None:
    """Each field says what it means, its default, what a change does and an example."""
    text = " ".join(api.kubectl("explain", "csp.spec.stream.shards").split())
    assert "FIELD: shards <integer>" in text
    assert "one takes 1 MiB or 1,000 records a second" in text
    assert "Default 2, free to change. Example: 4." in text
    lines = api.kubectl("explain", "csp.spec", "--recursive").splitlines()
    named = {line.split()[0] for line in lines if line.strip()}
    for part in [*spec_schema()["properties"], "targetUtilizationPercent", "storageClass"]:
        assert part in named
    assert "One real-time clickstream analytics pipeline" in api.kubectl("explain", "csp")


def test_every_field_is_described() -> None:
    """A description ends with an example; a field without one has fields of its own that have."""
    found = []

    def walk(node: Json, path: str) -> None:
        for name, child in node.get("properties", {}).items():
            here = f"{path}.{name}"
            if "Example: " not in child.get("description", "") or not child["description"].endswith(
                "."
            ):
                found.append(here)
            walk(child, here)
        if "items" in node:
            walk(node["items"], f"{path}[]")

    walk(spec_schema(), "spec")
    assert not found
