"""What the API server takes and refuses, and what it makes of a manifest.

The tables in ``manifests/`` say it field by field; they are written by hand from the API's design,
and a test holds them against the CRD so that no bound goes untried. Nearly all of it is a dry run.
"""

import copy
import functools
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from kubernetes import client, config

from clickstream_operator.api import crd
from clickstream_operator.api import validation as rules
from clickstream_operator.api.spec import Spec
from clickstream_operator.api.v1alpha1 import API_VERSION, GROUP, KIND, PLURAL, VERSION
from sandbox import Sandbox

ROOT = Path(__file__).parents[2]
CRD = ROOT / "crds" / "clickstreampipelines.yaml"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PATIENCE = 30.0
_INVALID = 422

Json = dict[str, Any]


def table(name: str) -> Any:
    """Read one table."""
    return yaml.safe_load((Path(__file__).parent / "manifests" / f"{name}.yaml").read_text())


NUMBERS: dict[str, Json] = table("numbers")
CHOICES: dict[str, Json] = table("choices")
FORMS: dict[str, Json] = table("texts")["forms"]
TEXTS: dict[str, Json] = {
    path: FORMS[row["form"]] if "form" in row else row
    for path, row in table("texts")["fields"].items()
}
LISTS: dict[str, Json] = table("lists")
REQUIRED: list[Json] = table("required")
RULES: list[Json] = table("rules")
UPDATES: list[Json] = table("updates")
DEFAULTS: Json = table("defaults")

# What must stand beside a field for its object to be complete.
AROUND: dict[str, Json] = {
    "credentials": {"roleArn": "arn:aws:iam::123456789012:role/clickstream"},
    "stream.autoscaling": {"minShards": 1, "maxShards": 10000},
    "tables.provisioned": {"readUnits": 1, "writeUnits": 1},
    "metrics[]": {"name": "a", "match": {}},
    "anomalyDetection.rules[]": {"name": "a", "kind": "Seasonal", "scope": "Site"},
    "archive.transitions[]": {"storageClass": "GLACIER", "afterDays": 90},
}


def spec_with(path: str, value: Any) -> Json:
    """Return the smallest complete spec with `value` at `path`; ``[]`` means a list's only item."""
    spec: Json = {}
    node, walked = spec, ""
    *parents, last = path.split(".")
    for part in parents:
        walked = f"{walked}.{part}".lstrip(".")
        child = copy.deepcopy(AROUND.get(walked, {}))
        node[part.removesuffix("[]")] = [child] if part.endswith("[]") else child
        node = child
    node[last.removesuffix("[]")] = [value] if last.endswith("[]") else value
    return spec


def merged(one: Json, other: Json) -> Json:
    """Return both, the second winning; the items of two lists of objects are merged in turn."""
    result = {**one}
    for key, value in other.items():
        before = result.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            result[key] = merged(before, value)
        elif isinstance(value, list) and isinstance(before, list):
            result[key] = [merged(a, b) for a, b in zip(before, value, strict=True)]
        else:
            result[key] = value
    return result


def manifest(spec: Json | None, name: str = "probe") -> Json:
    """Return an object; without spec when that is None."""
    body: Json = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}}
    return body if spec is None else {**body, "spec": spec}


def shown(path: str) -> str:
    """Return the path as a refusal shows it."""
    return f"spec.{path}".replace("[]", "[0]")


class Api:
    """The API server, as an administrator in one namespace."""

    def __init__(self, sandbox: Sandbox, namespace: str, clients: client.ApiClient) -> None:
        self._sandbox = sandbox
        self.namespace = namespace
        self._objects = client.CustomObjectsApi(clients)
        self._place = (GROUP, VERSION, namespace, PLURAL)

    def refusal(self, body: Json) -> str:
        """Return why the object may not be created; empty when it may."""
        return self._refusal(
            functools.partial(
                self._objects.create_namespaced_custom_object, *self._place, body, dry_run="All"
            )
        )

    def refusal_of_change(self, name: str, body: Json) -> str:
        """Return why the live object may not become this one; empty when it may."""
        live = self.read(name)
        body = {**body, "metadata": {**body["metadata"], **live["metadata"]}}
        return self._refusal(
            functools.partial(
                self._objects.replace_namespaced_custom_object,
                *self._place,
                name,
                body,
                dry_run="All",
            )
        )

    def create(self, body: Json) -> Json:
        """Create an object and return it as stored."""
        return cast("Json", self._objects.create_namespaced_custom_object(*self._place, body))

    def read(self, name: str) -> Json:
        """Return a live object."""
        return cast("Json", self._objects.get_namespaced_custom_object(*self._place, name))

    def patch_status(self, name: str, status: Json) -> Json:
        """Merge into the status subresource."""
        body = {"status": status}
        patch = self._objects.patch_namespaced_custom_object_status
        return cast("Json", patch(*self._place, name, body))

    def delete_all(self) -> None:
        """Remove every object of the namespace."""
        self._objects.delete_collection_namespaced_custom_object(*self._place)

    def kubectl(self, *arguments: str, body: Json | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace and return its output; with its errors unless `check`."""
        done = self._sandbox.kubectl(
            "-n",
            self.namespace,
            *arguments,
            input=None if body is None else json.dumps(body),
            check=check,
        )
        return done.stdout if check else done.stdout + done.stderr

    @staticmethod
    def _refusal(call: Callable[[], Any]) -> str:
        try:
            call()
        except client.ApiException as error:
            if error.status != _INVALID:
                raise
            message: str = json.loads(error.body or "")["message"]
            return message
        return ""


def new_client(kubeconfig: str) -> client.ApiClient:
    """Return a client with the rights of a kubeconfig."""
    settings = client.Configuration()
    config.load_kube_config(kubeconfig, client_configuration=settings)  # type: ignore[no-untyped-call]
    return client.ApiClient(settings)


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
        deadline = time.monotonic() + PATIENCE
        while "FIELDS" not in api.kubectl("explain", "csp.spec", check=False):
            assert time.monotonic() < deadline, "the API server does not serve the resource"
            time.sleep(0.2)
        yield api
    sandbox.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def api(installed: Api) -> Iterator[Api]:
    """Yield the API; objects that the test made are removed."""
    yield installed
    installed.delete_all()


# Bounds of single fields.


@pytest.mark.parametrize("path", NUMBERS)
def test_numbers_have_their_bounds(api: Api, path: str) -> None:
    """Both ends are taken; one step outside is refused with the bound."""
    row = NUMBERS[path]

    def refusal(value: Any) -> str:
        return api.refusal(manifest(merged(spec_with(path, value), row.get("beside", {}))))

    assert refusal(row["from"]) == ""
    low = f"{shown(path)} in body should be greater than or equal to {row['from']}"
    assert low in refusal(row["from"] - 1)
    if "to" in row:
        assert refusal(row["to"]) == ""
        high = f"{shown(path)} in body should be less than or equal to {row['to']}"
        assert high in refusal(row["to"] + 1)
    assert f"{shown(path)} in body must be of type integer" in refusal(str(row["from"]))


@pytest.mark.parametrize("path", CHOICES)
def test_choices_are_these_and_no_others(api: Api, path: str) -> None:
    """Each value is taken; another one is refused with the list of all."""
    row = CHOICES[path]
    for value in row["of"]:
        beside = row.get("beside_of", {}).get(value, row.get("beside", {}))
        assert api.refusal(manifest(merged(spec_with(path, value), beside))) == ""
    listed = ", ".join(f'"{value}"' for value in row["of"])
    says = row.get("says", f"supported values: {listed}")
    for value in row.get("not", ["Nonsense"]):
        refusal = api.refusal(manifest(merged(spec_with(path, value), row.get("beside", {}))))
        assert f"{shown(path)}: " in refusal
        assert says in refusal


@pytest.mark.parametrize("path", TEXTS)
def test_texts_have_their_form(api: Api, path: str) -> None:
    """Examples are taken; what is refused is told the form with an example, or the length."""
    row = TEXTS[path]

    def refusal(value: str) -> str:
        return api.refusal(manifest(merged(spec_with(path, value), row.get("beside", {}))))

    for value in row["good"]:
        assert refusal(value) == "", value
    for value in row.get("bad", []):
        said = refusal(value)
        assert row.get("names", shown(path)) in said, value
        assert row["says"] in said, value
    if "least" in row:
        assert refusal("a" * row["least"]) == ""
        short = f"{shown(path)} in body should be at least {row['least']} chars long"
        assert short in refusal("a" * (row["least"] - 1))
    if "most" in row:
        stem, tail = row.get("stem", ""), row.get("tail", "")
        longest = f"{stem}{'a' * (row['most'] - len(stem) - len(tail))}{tail}"
        # A region's name has no such length; only its refusal can be tried.
        assert refusal(longest) == "" or path == "region"
        assert f"{shown(path)}: Too long: may not be more than {row['most']} bytes" in refusal(
            f"{stem}a{longest.removeprefix(stem)}"
        )


@pytest.mark.parametrize("path", LISTS)
def test_lists_have_their_size(api: Api, path: str) -> None:
    """As many items as allowed are taken, one more is refused; repeated ones where they differ."""
    row = LISTS[path]

    def items(count: int) -> Any:
        names = [f"item{number}" for number in range(count)]
        if row.get("map"):
            return dict.fromkeys(names, "x")
        if "key" in row:
            return [{**AROUND[f"{path}[]"], row["key"]: name} for name in names]
        if path == "archive.transitions":
            classes = CHOICES[f"{path}[].storageClass"]["of"]
            steps = zip(classes, range(30, 360, 30), strict=False)
            every = [{"storageClass": kind, "afterDays": days} for kind, days in steps]
            return (every * 2)[:count]
        kinds = row.get("items", ["%"])
        return [kinds[number % len(kinds)].replace("%", name) for number, name in enumerate(names)]

    def refusal(value: Any) -> str:
        return api.refusal(manifest(spec_with(path, value)))

    enumerated = f"{path}[]" in CHOICES
    most = row["most"]
    if enumerated:
        names = CHOICES[f"{path}[]"]["of"]
        assert refusal(names) == ""
    else:
        assert refusal(items(most)) == ""
    assert refusal(items(0)) == ""
    assert f"{shown(path)}: Too many: {most + 1}: must have at most {most} items" in refusal(
        items(most + 1)
    )
    if row.get("map") or path == "archive.transitions":
        return
    twice = refusal(items(1) * 2)
    if row.get("twice"):
        assert twice == ""
    else:
        assert f"{shown(path)}[1]: Duplicate value" in twice


@pytest.mark.parametrize("row", REQUIRED, ids=lambda row: row["names"])
def test_incomplete_objects_are_refused(api: Api, row: Json) -> None:
    """The refusal names the field that is missing."""
    assert f"{row['names']}: Required value" in api.refusal(manifest(row["spec"]))


def constraints(node: Json, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield every constraint of a schema as path, keyword and value."""
    for key in ("minimum", "maximum", "minLength", "maxLength", "maxItems", "maxProperties"):
        if key in node:
            yield path, key, node[key]
    if "enum" in node:
        yield path, "enum", node["enum"]
    for key in ("pattern", "format"):
        if key in node:
            yield path, key, node[key]
    if node["type"] == "boolean":
        yield path, "enum", [True, False]
    for name, child in node.get("properties", {}).items():
        yield from constraints(child, f"{path}.{name}".lstrip("."))
        if name in node.get("required", []):
            yield f"{path}.{name}".lstrip("."), "required", True
    if "items" in node:
        yield from constraints(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from constraints(node["additionalProperties"], f"{path}.*")


def spec_schema() -> Json:
    """Return the schema of spec in the committed CRD."""
    loaded = yaml.safe_load(CRD.read_text())
    schema: Json = loaded["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def test_every_constraint_of_the_schema_is_tried() -> None:
    """A new bound needs a row, and a row that says another bound than the CRD is wrong."""
    tried: set[tuple[str, str, str]] = set()
    for path, row in NUMBERS.items():
        tried.add((path, "minimum", str(row["from"])))
        if "to" in row:
            tried.add((path, "maximum", str(row["to"])))
    for path, row in CHOICES.items():
        tried.add((path, "enum", str(row["of"])))
    for path, row in TEXTS.items():
        place = {
            "metrics[].match.page": "metrics[].match.*",
            "anomalyDetection.rules[].match.page": "anomalyDetection.rules[].match.*",
            "tags.CostCenter": "tags.*",
        }
        for key, keyword in (("least", "minLength"), ("most", "maxLength")):
            if key in row:
                tried.add((place.get(path, path), keyword, str(row[key])))
    for path, row in LISTS.items():
        tried.add((path, "maxProperties" if row.get("map") else "maxItems", str(row["most"])))
    tried |= {
        (row["names"].removeprefix("spec.").replace("[0]", "[]"), "required", "True")
        for row in REQUIRED
    }
    # Where enum or form bound a text already, a length serves CEL's cost estimate only.
    tried.add(("processor.startingPosition.timestamp", "maxLength", "64"))
    tried.add(("archive.transitions[].storageClass", "maxLength", "19"))
    assert {(path, key, str(value)) for path, key, value in constraints(spec_schema())} == tried


def test_every_rule_is_tried() -> None:
    """Each rule of the CRD is refused in some row with its own message."""
    said = [row["says"] for row in [*RULES, *UPDATES, *TEXTS.values()] if "says" in row]

    def messages(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (rule["message"] for rule in node.get("x-kubernetes-validations", []))
            yield from itertools.chain.from_iterable(map(messages, node.values()))

    schema = spec_schema()
    assert not [text for text in messages(schema) if not any(text.startswith(row) for row in said)]


# Rules between fields.


@pytest.mark.parametrize("row", RULES, ids=lambda row: row["says"][:60])
def test_rules_between_fields(api: Api, row: Json) -> None:
    """The refusal stands at the field and says what to write instead."""
    for spec in row.get("good", []):
        assert api.refusal(manifest(spec)) == "", spec
    for spec in row["bad"]:
        refusal = api.refusal(manifest(spec))
        assert f"{row['at']}: Invalid value: " in refusal, spec
        assert row["says"] in refusal, spec


@pytest.mark.parametrize("row", UPDATES, ids=lambda row: row["title"])
def test_changes_of_a_live_object(api: Api, row: Json) -> None:
    """What decides where things are is fixed; all else may change."""
    api.create(manifest(row["from"]))
    refusal = api.refusal_of_change("probe", manifest(row["to"]))
    if "says" in row:
        assert f"{row['at']}: Invalid value: " in refusal
        assert row["says"] in refusal
    else:
        assert refusal == ""


@pytest.mark.parametrize("name", ["a", "a-b-9", "9a", "a" * 40, "xn-a", "sthree"])
def test_names_that_are_taken(api: Api, name: str) -> None:
    """AWS takes what is made from these."""
    assert api.refusal(manifest({}, name)) == ""


@pytest.mark.parametrize("name", ["a" * 41, "a.b", "xn--a", "sthree-a"])
def test_names_that_are_refused(api: Api, name: str) -> None:
    """Kubernetes would take these, AWS not."""
    refusal = api.refusal(manifest({}, name))
    assert "metadata.name must be at most 40 characters of a-z, 0-9 and '-'" in refusal
    assert "begin and end with a letter or digit" in refusal
    assert "not begin with 'xn--' or 'sthree-'" in refusal


def test_the_name_is_looked_at_only_at_creation(sandbox: Sandbox, api: Api) -> None:
    """An object that is older than a rule can be changed, marked and deleted."""
    bad = "a.b"
    without = crd.custom_resource_definition()
    schema = without["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["x-kubernetes-validations"]
    install = ("apply", "--server-side", "--force-conflicts", "-f-")
    sandbox.kubectl(*install, input=json.dumps(without))
    try:
        # The new schema is served a moment later.
        eventually(lambda: api.refusal(manifest({}, bad)) == "")
        api.create(manifest({}, bad))
    finally:
        sandbox.kubectl(*install, input=CRD.read_text())
    eventually(lambda: api.refusal(manifest({}, "b.b")) != "")
    assert api.refusal_of_change(bad, manifest({"environment": "prod"}, bad)) == ""
    api.kubectl("annotate", "csp", bad, "clickstream.dev/reconcile-requested-at=now")
    api.patch_status(bad, {"observedGeneration": 1})
    api.kubectl("patch", "csp", bad, "--type=merge", "-p", '{"metadata":{"finalizers":["a.b/c"]}}')
    api.kubectl("delete", "csp", bad, "--wait=false")
    api.kubectl("patch", "csp", bad, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert api.kubectl("get", "csp", bad, "--ignore-not-found") == ""


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_all_faults_of_one_level_come_at_once(api: Api) -> None:
    """A person corrects them in one go."""
    refusal = api.refusal(
        manifest({"environment": "Prod", "region": "Ireland", "stream": {"kmsKeyId": "mine"}})
    )
    for fragment in (rules.ENVIRONMENT.words, rules.REGION.words, rules.KMS_KEY.words):
        assert f"must be {fragment}" in refusal


# Unknown fields.


@pytest.mark.parametrize("mode", ["--server-side=false", "--server-side"])
@pytest.mark.parametrize(
    ("spec", "field"),
    [({"strem": {}}, "spec.strem"), ({"stream": {"shard": 1}}, "spec.stream.shard")],
)
def test_kubectl_refuses_unknown_fields(api: Api, mode: str, spec: Json, field: str) -> None:
    """A slip of the pen is told, not dropped.

    One slip at a time: of several, a server-side apply names the one it comes upon first.
    """
    said = api.kubectl("apply", mode, "-f-", body=manifest(spec), check=False)
    assert f'unknown field "{field}"' in said or f".{field}: field not declared" in said
    assert api.kubectl("get", "csp", "probe", "--ignore-not-found") == ""


def test_other_clients_lose_unknown_fields(api: Api) -> None:
    """They are not stored, so that nobody believes in them."""
    stored = api.create(manifest({"strem": {}, "stream": {"shard": 1}}))
    assert stored["spec"] == complete()


# Defaults and lists.


def complete(**changes: Any) -> Json:
    """Return a complete spec as the models see it."""
    return Spec.model_validate(changes).model_dump(mode="json", by_alias=True, exclude_none=True)


CLIENT_SIDE = ("apply", "-f-")
SERVER_SIDE = ("apply", "--server-side", "-f-")
APPLIES = pytest.mark.parametrize("apply", [CLIENT_SIDE, SERVER_SIDE], ids=["client", "server"])


def applied(api: Api, apply: tuple[str, ...], spec: Json | None, *more: str) -> Json:
    """Apply an object and return its stored spec."""
    api.kubectl(*apply, *more, body=manifest(spec))
    stored: Json = api.read("probe")["spec"]
    return stored


@APPLIES
@pytest.mark.parametrize("spec", [None, {}], ids=["without", "empty"])
def test_an_empty_spec_is_complete(api: Api, apply: tuple[str, ...], spec: Json | None) -> None:
    """What is stored is what the table and the models say, whichever way it came."""
    assert applied(api, apply, spec) == DEFAULTS == complete()


@pytest.mark.parametrize(
    "part",
    [name for name, node in spec_schema()["properties"].items() if "default" in node],
)
def test_null_is_the_default(api: Api, part: str) -> None:
    """`stream: null` and `stream: {}` come out complete, as templates write them."""
    assert api.create(manifest({part: None}))["spec"] == complete()


@pytest.mark.parametrize(
    "part",
    # Credentials have no default: without a role they mean nothing.
    [
        name
        for name, node in spec_schema()["properties"].items()
        if "properties" in node and name != "credentials"
    ],
)
def test_an_empty_part_is_complete(api: Api, part: str) -> None:
    """Writing one part leaves nothing out of it."""
    assert api.create(manifest({part: {}}))["spec"] == complete()


def test_a_part_keeps_its_other_defaults(api: Api) -> None:
    """One field of an object does not replace the object's defaults."""
    spec = {"events": {"fields": {"type": "kind"}}, "tables": {"ttl": {"countersHours": 72}}}
    assert api.create(manifest(spec))["spec"] == complete(**spec)


TRANSITION = {"storageClass": "GLACIER_IR", "afterDays": 60}


@APPLIES
@pytest.mark.parametrize(
    ("part", "name", "other"),
    [
        ("archive", "transitions", [TRANSITION]),
        ("stream", "shardLevelMetrics", ["IncomingBytes"]),
        ("privacy", "queryParameters", ["lang", "utm_*"]),
    ],
)
def test_default_lists_can_be_replaced_emptied_and_restored(
    api: Api, apply: tuple[str, ...], part: str, name: str, other: list[Any]
) -> None:
    """A default that could not be removed would be a bound, not a default."""
    default = complete()[part][name]
    assert applied(api, apply, {})[part][name] == default
    assert applied(api, apply, {part: {name: other}})[part][name] == other
    assert applied(api, apply, {part: {name: []}})[part][name] == []
    assert applied(api, apply, {part: {name: default[:1]}})[part][name] == default[:1]
    assert applied(api, apply, {}) == complete()


def test_owners_share_lists_without_default(api: Api) -> None:
    """With server-side apply each owner adds and removes its own items."""

    def of(owner: str, *items: str) -> Json:
        spec = {
            "alerts": {"emails": [f"{item}@example.com" for item in items]},
            "alarms": {"actionArns": [f"arn:aws:sns:eu-west-1:1:{item}" for item in items]},
            "metrics": [{"name": item, "match": {"event_type": item}} for item in items],
            "anomalyDetection": {
                "rules": [{"name": item, "kind": "Rate", "value": "5"} for item in items],
            },
        }
        return applied(api, SERVER_SIDE, spec, f"--field-manager={owner}")

    def items(spec: Json) -> list[set[str]]:
        return [
            {address.removesuffix("@example.com") for address in spec["alerts"]["emails"]},
            {arn.rpartition(":")[2] for arn in spec["alarms"]["actionArns"]},
            {metric["name"] for metric in spec["metrics"]},
            {rule["name"] for rule in spec["anomalyDetection"]["rules"]},
        ]

    assert items(of("one", "a", "b")) == [{"a", "b"}] * 4
    assert items(of("two", "c")) == [{"a", "b", "c"}] * 4
    assert items(of("one", "b")) == [{"b", "c"}] * 4
    assert items(of("one")) == [{"c"}] * 4
    assert items(of("two")) == [set[str]()] * 4


def test_a_set_is_emptied_and_filled_by_owners(api: Api) -> None:
    """The set of disabled rules and the map of tags, by removing the field itself."""
    spec: Json = {
        "anomalyDetection": {"disabledRules": ["volume", "geographic"]},
        "tags": {"Team": "data", "CostCenter": "analytics"},
    }
    assert applied(api, SERVER_SIDE, spec)["tags"] == spec["tags"]
    fewer = {"anomalyDetection": {"disabledRules": ["volume"]}, "tags": {"Team": "data"}}
    stored = applied(api, SERVER_SIDE, fewer)
    assert stored["anomalyDetection"]["disabledRules"] == ["volume"]
    assert stored["tags"] == {"Team": "data"}
    assert applied(api, SERVER_SIDE, {}) == complete()


@APPLIES
def test_an_unset_field_can_be_set_and_unset(api: Api, apply: tuple[str, ...]) -> None:
    """Fields without default vanish with the line in the manifest."""
    spec = {
        "stream": {"autoscaling": {"minShards": 1, "maxShards": 4}},
        "alarms": {"noDataMinutes": 30},
        "archive": {"kmsKeyId": "alias/archive"},
    }
    stored = applied(api, apply, spec)
    assert stored["stream"]["autoscaling"] == {
        "minShards": 1,
        "maxShards": 4,
        "targetUtilizationPercent": 70,
        "scaleDownAfterSeconds": 1800,
    }
    assert stored["alarms"]["noDataMinutes"] == 30
    assert applied(api, apply, {}) == complete()


# What people and programs read.


def test_a_new_object_is_not_current(api: Api) -> None:
    """Without a status, kstatus would call it Current before the operator looked."""
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
    """`kubectl get` shows state and size; `-o wide` shows where, the price and the reason."""
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
        },
    )
    titles, row = api.kubectl("get", "clickstream", "-o", "wide").splitlines()
    assert titles.split() == [
        *bare[0].split(),
        *("REGION", "ACCOUNT", "COST", "MESSAGE"),
    ]
    name, ready, status, stream, shards, _, region, account, cost, *message = row.split()
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


def test_the_crd_is_small_enough() -> None:
    """Client-side apply keeps the whole CRD in an annotation of 256 KiB at most."""
    assert crd.size_in_bytes() < 60_000
    assert CRD.read_text() == crd.as_yaml()


# Examples.


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(api: Api, path: Path) -> None:
    """Each is short, explains itself, and is taken by the API server, by kubectl and the models."""
    text = path.read_text()
    assert text.startswith("# ")
    assert len(text.splitlines()) <= 40
    body = yaml.safe_load(text)
    del body["metadata"]["namespace"]
    said = api.kubectl("apply", "--dry-run=server", "-f-", body=body)
    assert said == f"{PLURAL[:-1]}.{GROUP}/{body['metadata']['name']} created (server dry run)\n"
    Spec.model_validate(body["spec"], extra="forbid")
    stored = api.create(body)["spec"]
    # The models fill in what items of lists leave out; the API server does not.
    assert Spec.model_validate(stored) == Spec.model_validate(body["spec"])

    def without_items(spec: Json) -> Json:
        detection = {**spec["anomalyDetection"], "rules": []}
        return {**spec, "metrics": [], "anomalyDetection": detection}

    assert without_items(stored) == without_items(complete(**body["spec"]))
