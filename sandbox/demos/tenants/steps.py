"""Attacks of the security review, one after the other, each with what stops it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Final

from kubernetes import client

from clickstream_operator.kube.connection import connect
from sandbox.demos.tenants.session import ANEW, EVIL, VICTIM, Session

_ACCOUNT: Final = "123456789012"
_FLOOD: Final = 40
_TABLES_GO: Final = {
    "deletionPolicy": {"tables": "Delete"},
    "tables": {"deletionProtection": False},
}


def begin(session: Session) -> None:
    """The victim has a pipeline with alerts."""
    with session.step("Two tenants; team-a has a pipeline"):
        session.put(VICTIM, "web", {"alerts": {"enabled": True, "emails": ["a@corp.example"]}})
        session.until_ready(VICTIM, "web")
        writes = session.sandbox.strict_aws.writes()
        denied = [one["operation"] for one in writes if "Denied" in one["outcome"]]
        session.check("what the shipped policy refused", denied, [])


def topic(session: Session) -> None:
    """S1: listen on somebody's topic, and silence it."""
    with session.step("S1: subscribe to team-a's alerts through alerts.topicArn"):
        arn = session.resource("alerts")["arn"]
        alerts = {"enabled": True, "topicArn": arn, "emails": ["eve@evil.example"]}
        session.put(EVIL, "listen", {"alerts": alerts})
        session.stopped_by(EVIL, "listen", "tenants[].topics")
        found = session.aws.client("sns").list_subscriptions_by_topic(TopicArn=arn)
        endpoints = [one["Endpoint"] for one in found["Subscriptions"]]
        session.check("who hears of team-a's alerts", endpoints, ["a@corp.example"])
        session.remove(EVIL, "listen")


def names(session: Session) -> None:
    """S3: let the detector work on somebody's table."""
    with session.step("S3: name team-a's table, and have a detector work on it"):
        table = session.resource("counters-table")["physicalName"]
        session.put(EVIL, "squat", {"names": {"countersTable": table}})
        session.stopped_by(EVIL, "squat", "which derives it")
        roles = session.aws.client("iam").list_roles(PathPrefix="/clickstream/")["Roles"]
        made = [one["RoleName"] for one in roles if one["RoleName"].startswith("squat")]
        session.check("roles made for it", made, [])
        session.remove(EVIL, "squat")


def restore(session: Session) -> None:
    """S4: a copy with its status in another namespace deletes nothing."""
    with session.step("S4: restore team-a's object with its status in team-b, and delete it"):
        status = session.read(VICTIM, "web")["status"]
        session.put(EVIL, "web", {"suspend": True})
        session.sandbox.kubectl(
            "patch", "csp", "web", "-n", EVIL, "--subresource=status", "--type=merge",
            f"--patch={json.dumps({'status': status})}",
        )  # fmt: skip
        session.put(EVIL, "web", _TABLES_GO)
        session.stopped_by(EVIL, "web", "restored from another object")
        session.remove(EVIL, "web")
        session.check("the copy is gone", session.read(EVIL, "web"), {})
        stream = session.aws.stream(session.resource("stream")["physicalName"])
        session.check("team-a's stream", stream["status"], "ACTIVE")


def alarm(session: Session) -> None:
    """S5: an alarm that scales somebody's group."""
    with session.step("S5: an alarm that acts on an Auto Scaling policy"):
        action = f"arn:aws:autoscaling:us-east-1:{_ACCOUNT}:scalingPolicy:x:autoScalingGroupName/p"
        session.put(EVIL, "scale", {"alarms": {"actionArns": [action]}})
        session.stopped_by(EVIL, "scale", "tenants[].alarmActions")
        session.remove(EVIL, "scale")


def key(session: Session) -> None:
    """S6: a wildcard in a role's policy."""
    with session.step("S6: a KMS key with a wildcard, for a role that decrypts everything"):
        arn = f"arn:aws:kms:us-east-1:{_ACCOUNT}:key/*"
        refused = session.put(EVIL, "decrypt", {"deadLetter": {"kmsKeyId": arn}})
        session.check("the API server refuses it", "must be the alias, id or ARN" in refused, True)


def flood(session: Session) -> None:
    """S7: forty objects edited without end, while the victim works."""
    with session.step(
        f"S7: edit {_FLOOD} pipelines without end, while team-a makes and deletes one"
    ):
        manifests = [f"flood-{number}" for number in range(_FLOOD)]
        objects = client.CustomObjectsApi(connect(session.sandbox.kubeconfig))
        where = ("clickstream.dev", "v1alpha1", EVIL, "clickstreampipelines")
        for name in manifests:
            body = {
                "apiVersion": "clickstream.dev/v1alpha1",
                "kind": "ClickstreamPipeline",
                "metadata": {"name": name},
                "spec": {"suspend": True},
            }
            objects.create_namespaced_custom_object(*where, body)
        over, edits = threading.Event(), 0

        def edit() -> None:
            nonlocal edits
            while not over.is_set():
                patch = {"spec": {"environment": f"e{edits}"}}
                name = manifests[edits % _FLOOD]
                objects.patch_namespaced_custom_object(*where, name, patch)
                edits += 1

        attacker = threading.Thread(target=edit)
        attacker.start()
        try:
            session.put(VICTIM, "second", {})
            session.until_ready(VICTIM, "second")
            session.sandbox.kubectl("delete", "csp", "second", "-n", VICTIM, "--timeout=90s")
            left = session.read(VICTIM, "second")
        finally:
            over.set()
            attacker.join()
        session.screen.say(f"stopped by: turns by namespace; {edits} edits were made meanwhile")
        session.check("team-a's pipeline came and went during the flood", left, {})
        session.sandbox.kubectl("delete", "csp", "--all", "-n", EVIL, "--timeout=90s")


def role(session: Session) -> None:
    """S11: a function with the rights of somebody's function."""
    with session.step("S11: run a processor with the role of team-a's"):
        arn = session.resource("processor-role")["arn"]
        session.put(EVIL, "borrow", {"processor": {"roleArn": arn}})
        session.stopped_by(EVIL, "borrow", "tenants[].functionRoles")
        mine = session.aws.client("lambda").list_functions()["Functions"]
        made = [one["FunctionName"] for one in mine if one["FunctionName"].startswith("borrow")]
        session.check("functions made with it", made, [])
        session.remove(EVIL, "borrow")


def adoption(session: Session) -> None:
    """S11: adopt what has no owner, and have it deleted; any other name the policy refuses."""
    with session.step(
        "S11: adopt the table billing-ledgers1-counters, which no pipeline made, to delete it"
    ):
        tables = session.aws.client("dynamodb")
        tables.create_table(
            TableName="billing-ledgers1-counters",
            # Keys that would fit, so that nothing but the tenant's grants is in the way.
            KeySchema=[
                {"AttributeName": "metric_name", "KeyType": "HASH"},
                {"AttributeName": "time_window", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"}
                for name in ("metric_name", "time_window")
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        spec = {
            "names": {"countersTable": "billing-ledgers1-counters"},
            "adoptionPolicy": "Always",
            "deletionPolicy": {"adopted": "Delete", "tables": "Delete"},
            "tables": {"deletionProtection": False},
        }
        session.put(EVIL, "adopt", spec)
        session.stopped_by(EVIL, "adopt", "tenants[].adopt")
        session.remove(EVIL, "adopt")
        found = tables.describe_table(TableName="billing-ledgers1-counters")["Table"]["TableStatus"]
        session.check("the table", found, "ACTIVE")


def namespace_anew(session: Session) -> None:
    """S14: a namespace of the same name, made anew, with a pipeline of the same name."""
    with session.step(f"S14: make {ANEW} anew, and a pipeline of the name that it had"):
        session.put(ANEW, "web", {})
        session.until_ready(ANEW, "web")
        table = session.resource("counters-table", ANEW)["physicalName"]
        session.sandbox.kubectl("delete", "namespace", ANEW, "--timeout=90s")
        session.sandbox.kubectl("create", "namespace", ANEW)
        session.put(ANEW, "web", _TABLES_GO)
        session.stopped_by(ANEW, "web", "tenants[].inheritData")
        session.remove(ANEW, "web")
        found = session.aws.client("dynamodb").describe_table(TableName=table)["Table"]
        session.check("the table of the former team", found["TableStatus"], "ACTIVE")


STEPS: Final[tuple[Callable[[Session], None], ...]] = (
    begin, topic, names, restore, alarm, key, flood, role, adoption, namespace_anew,
)  # fmt: skip
