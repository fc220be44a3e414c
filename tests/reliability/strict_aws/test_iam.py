"""Propagation of new roles and policies in the strict AWS."""

from sandbox.aws.strict import StrictAws
from tests.reliability.strict_aws.probes import ACCOUNT, READ, Client, function, refused, summary


def test_a_new_role_cannot_be_assumed(strict: StrictAws, aws: Client) -> None:
    """Lambda and Scheduler refuse it for ten seconds."""
    strict.reset(["iam-new-roles=10"])
    iam, lambda_, scheduler = aws("iam"), aws("lambda"), aws("scheduler")
    arn = iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code, message, status = refused(lambda: function(lambda_))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message == "The role defined for the function cannot be assumed by Lambda."
    schedule = {
        "Name": "tick",
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:probe", "RoleArn": arn},
    }
    code, message, _ = refused(scheduler.create_schedule, **schedule)
    assert (code, "to assume the role" in message) == ("ValidationException", True)
    strict.advance(10)
    function(lambda_)
    scheduler.create_schedule(**schedule)


def test_new_rights_reach_a_mapping_late(strict: StrictAws, aws: Client) -> None:
    """CreateEventSourceMapping cannot access the stream right after PutRolePolicy."""
    iam, kinesis, lambda_ = aws("iam"), aws("kinesis"), aws("lambda")
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    function(lambda_)
    strict.reset(["iam-new-policies=10"])
    iam.put_role_policy(RoleName="probe", PolicyName="read", PolicyDocument=READ)
    pair = {
        "EventSourceArn": summary(kinesis)["StreamARN"],
        "FunctionName": "probe",
        "StartingPosition": "TRIM_HORIZON",
    }
    code, message, _ = refused(lambda_.create_event_source_mapping, **pair)
    assert code == "InvalidParameterValueException"
    assert message.startswith("Cannot access stream arn:aws:kinesis")
    strict.advance(10)
    lambda_.create_event_source_mapping(**pair)


def test_a_role_with_policies_stays(aws: Client) -> None:
    """DeleteConflict is the emulator's own."""
    iam = aws("iam")
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName="probe", PolicyName="read", PolicyDocument=READ)
    assert refused(iam.delete_role, RoleName="probe")[0] == "DeleteConflict"
    iam.delete_role_policy(RoleName="probe", PolicyName="read")
    iam.delete_role(RoleName="probe")


def test_a_new_role_is_not_found(strict: StrictAws, aws: Client) -> None:
    """GetRole lags CreateRole."""
    strict.reset(["iam-reads=3"])
    iam = aws("iam")
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")
    code, message, status = refused(iam.get_role, RoleName="probe")
    assert (code, status) == ("NoSuchEntity", 404)
    assert message == "The role with name probe cannot be found."
    strict.advance(3)
    assert iam.get_role(RoleName="probe")["Role"]["RoleName"] == "probe"
