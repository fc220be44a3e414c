"""Rules of S3, Scheduler, the tagging API and the request quotas in the strict AWS."""

from typing import Any

from sandbox.aws.strict import StrictAws
from tests.reliability.strict_aws.probes import ACCOUNT, Client, refused, table


def test_the_name_of_a_bucket_is_busy(strict: StrictAws, aws: Client) -> None:
    """BucketNotEmpty is the emulator's own; OperationAborted follows a deletion."""
    strict.reset(["s3-deletions"])
    s3 = aws("s3")
    s3.create_bucket(Bucket="archive")
    s3.put_object(Bucket="archive", Key="a b/ü", Body=b"x")
    assert refused(s3.delete_bucket, Bucket="archive")[0] == "BucketNotEmpty"
    s3.delete_object(Bucket="archive", Key="a b/ü")
    s3.delete_bucket(Bucket="archive")
    code, message, status = refused(s3.create_bucket, Bucket="archive")
    assert (code, status) == ("OperationAborted", 409)
    assert message.startswith("A conflicting conditional operation")
    strict.advance(60)
    s3.create_bucket(Bucket="archive")


def test_a_new_bucket_refuses_keys_of_its_callers(strict: StrictAws, aws: Client) -> None:
    """SSE-C is blocked until somebody unblocks it; a write without it changes nothing."""
    strict.reset(["s3-blocked-encryption"])
    s3 = aws("s3")
    s3.create_bucket(Bucket="archive")
    upload = {"Bucket": "archive", "Key": "a", "Body": b"x"}
    with_own_key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    assert refused(s3.put_object, **upload, **with_own_key)[0::2] == ("AccessDenied", 403)
    s3.put_object(**upload)
    rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}

    def blocked() -> list[str]:
        told = s3.get_bucket_encryption(Bucket="archive")["ServerSideEncryptionConfiguration"]
        types: list[str] = told["Rules"][0]["BlockedEncryptionTypes"]["EncryptionType"]
        return types

    s3.put_bucket_encryption(Bucket="archive", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert blocked() == ["SSE-C"]
    rule["BlockedEncryptionTypes"] = {"EncryptionType": ["NONE"]}
    s3.put_bucket_encryption(Bucket="archive", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert blocked() == ["NONE"]
    s3.put_object(**upload, **with_own_key)


def test_request_metrics_are_kept_by_bucket(strict: StrictAws, aws: Client) -> None:
    """What was put is told, until it or the bucket is deleted."""
    strict.reset(["s3-metrics"])
    s3 = aws("s3")
    s3.create_bucket(Bucket="archive")
    of = {"Bucket": "archive", "Id": "ours"}
    assert refused(s3.get_bucket_metrics_configuration, **of)[0] == "NoSuchConfiguration"
    settings = {"Id": "ours", "Filter": {"Prefix": "raw/"}}
    s3.put_bucket_metrics_configuration(**of, MetricsConfiguration=settings)
    assert s3.get_bucket_metrics_configuration(**of)["MetricsConfiguration"] == settings
    s3.delete_bucket_metrics_configuration(**of)
    assert refused(s3.get_bucket_metrics_configuration, **of)[2] == 404


def test_a_schedule_takes_one_change_at_a_time(strict: StrictAws, aws: Client) -> None:
    """ConflictException for three seconds after a change."""
    strict.reset(["scheduler-conflicts=3"])
    scheduler = aws("scheduler")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:probe"
    role = f"arn:aws:iam::{ACCOUNT}:role/probe"
    scheduler.create_schedule(
        Name="tick",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role},
    )
    code, _, status = refused(scheduler.delete_schedule, Name="tick")
    assert (code, status) == ("ConflictException", 409)
    strict.advance(3)
    scheduler.delete_schedule(Name="tick")


def test_the_tagging_api_lists_late(strict: StrictAws, aws: Client) -> None:
    """GetResources does not list a resource made a moment ago."""
    strict.reset(["tagging-delay=30"])
    table(aws("dynamodb"), Tags=[{"Key": "pipeline", "Value": "shop"}])

    def listed() -> list[str]:
        answer = aws("resourcegroupstaggingapi").get_resources(
            TagFilters=[{"Key": "pipeline", "Values": ["shop"]}]
        )
        return [one["ResourceARN"] for one in answer["ResourceTagMappingList"]]

    assert listed() == []
    strict.advance(30)
    assert listed() == [f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/events"]


def test_calls_a_second_are_limited(strict: StrictAws, aws: Client) -> None:
    """The fourth PutMetricAlarm of a second is throttled, the sixteenth call to Lambda too."""
    strict.reset(["quotas"])
    cloudwatch, lambda_ = aws("cloudwatch"), aws("lambda")
    alarm = {
        "AlarmName": "late",
        "Namespace": "AWS/Kinesis",
        "MetricName": "IteratorAge",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    for _ in range(3):
        cloudwatch.put_metric_alarm(**alarm)
    assert refused(cloudwatch.put_metric_alarm, **alarm)[0] == "Throttling"
    strict.advance(1)
    cloudwatch.put_metric_alarm(**alarm)
    for _ in range(15):
        lambda_.list_functions()
    code, _, status = refused(lambda_.list_event_source_mappings)
    assert (code, status) == ("TooManyRequestsException", 429)


def test_a_mute_rule_ends_by_itself(strict: StrictAws, aws: Client) -> None:
    """It mutes alarms that are there, for a time that CloudWatch takes, until it expires."""
    strict.reset(["cloudwatch-alarm-mute-rules"])
    cloudwatch = aws("cloudwatch")
    schedule = {"Expression": "at(2026-11-01T12:01)", "Duration": "PT15M"}
    mute: dict[str, Any] = {
        "Name": "resize",
        "Rule": {"Schedule": schedule},
        "MuteTargets": {"AlarmNames": ["late"]},
    }
    assert refused(cloudwatch.put_alarm_mute_rule, **mute)[0] == "ValidationError"
    cloudwatch.put_metric_alarm(
        AlarmName="late",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    too_long = mute | {"Rule": {"Schedule": schedule | {"Duration": "PT99999M"}}}
    assert refused(cloudwatch.put_alarm_mute_rule, **too_long)[0] == "ValidationError"
    cloudwatch.put_alarm_mute_rule(**mute)
    name = {"AlarmMuteRuleName": "resize"}
    told = cloudwatch.get_alarm_mute_rule(**name)
    assert (told["Status"], told["Rule"]["Schedule"]) == ("ACTIVE", schedule)
    strict.advance(900)
    assert cloudwatch.get_alarm_mute_rule(**name)["Status"] == "EXPIRED"
    for _ in range(2):
        cloudwatch.delete_alarm_mute_rule(**name)
    assert refused(cloudwatch.get_alarm_mute_rule, **name)[0] == "ResourceNotFoundException"


def test_settings_of_an_alarm_are_kept(strict: StrictAws, aws: Client) -> None:
    """Warm-up within its bounds and tags in notifications; an update without them takes them."""
    strict.reset(["cloudwatch-alarm-settings"])
    cloudwatch = aws("cloudwatch")
    alarm = {
        "AlarmName": "late",
        "Namespace": "AWS/Kinesis",
        "MetricName": "IteratorAge",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    settings = {
        "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 60},
        "ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": True}},
    }

    def shown() -> dict[str, Any]:
        (found,) = cloudwatch.describe_alarms(AlarmNames=["late"])["MetricAlarms"]
        return {name: found[name] for name in settings.keys() & found.keys()}

    cloudwatch.put_metric_alarm(**alarm, **settings)
    assert shown() == settings
    cloudwatch.put_metric_alarm(**alarm)
    assert shown() == {}
    longer = {"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 2881}}
    assert refused(cloudwatch.put_metric_alarm, **alarm, **longer)[0] == "ValidationError"


def test_a_protected_log_group_is_not_deleted(strict: StrictAws, aws: Client) -> None:
    """Until the protection is off; the class is STANDARD unless another was asked for."""
    strict.reset(["logs-settings"])
    logs = aws("logs")
    logs.create_log_group(logGroupName="/one", logGroupClass="INFREQUENT_ACCESS")
    logs.create_log_group(logGroupName="/two", deletionProtectionEnabled=True)
    found = logs.describe_log_groups()["logGroups"]
    shown = {one["logGroupName"]: one for one in found}
    assert shown["/one"]["logGroupClass"] == "INFREQUENT_ACCESS"
    assert shown["/two"]["logGroupClass"] == "STANDARD"
    assert refused(logs.delete_log_group, logGroupName="/two")[0] == "ValidationException"
    logs.put_log_group_deletion_protection(
        logGroupIdentifier="/two", deletionProtectionEnabled=False
    )
    logs.delete_log_group(logGroupName="/two")
