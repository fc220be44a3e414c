"""States, backups, TTL, protection and read lag of tables in the strict AWS."""

from sandbox.aws.strict import StrictAws
from tests.reliability.strict_aws.probes import Client, refused, table


def test_a_table_takes_one_change_at_a_time(strict: StrictAws, aws: Client) -> None:
    """CREATING, UPDATING and DELETING, each refusing changes."""
    strict.reset(["dynamodb-states=10"])
    dynamodb = aws("dynamodb")

    def status() -> str:
        return str(dynamodb.describe_table(TableName="events")["Table"]["TableStatus"])

    def busy(word: str) -> None:
        protect = {"TableName": "events", "DeletionProtectionEnabled": True}
        for call, parameters in (
            (dynamodb.update_table, protect),
            (dynamodb.delete_table, {"TableName": "events"}),
        ):
            code, message, http = refused(call, **parameters)
            assert (code, http) == ("ResourceInUseException", 400)
            assert f"Table is being {word}: events" in message

    assert table(dynamodb)["TableStatus"] == "CREATING"
    assert status() == "CREATING"
    busy("created")
    strict.advance(10)
    assert status() == "ACTIVE"
    dynamodb.update_table(TableName="events", DeletionProtectionEnabled=False)
    assert status() == "UPDATING"
    busy("updated")
    strict.advance(10)
    answer = dynamodb.delete_table(TableName="events")
    assert answer["TableDescription"]["TableStatus"] == "DELETING"
    assert status() == "DELETING"
    busy("deleted")
    assert refused(lambda: table(dynamodb))[0] == "ResourceInUseException"
    strict.advance(10)
    assert refused(status)[0] == "ResourceNotFoundException"
    table(dynamodb)


def test_backups_of_a_new_table_wait(strict: StrictAws, aws: Client) -> None:
    """ContinuousBackupsUnavailableException first, success later."""
    strict.reset(["dynamodb-backups=15"])
    dynamodb = aws("dynamodb")
    table(dynamodb)
    backups = {
        "TableName": "events",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    code, message, _ = refused(dynamodb.update_continuous_backups, **backups)
    assert code == "ContinuousBackupsUnavailableException"
    assert "Please retry later" in message
    strict.advance(15)
    dynamodb.update_continuous_backups(**backups)


def test_ttl_changes_once_an_hour(strict: StrictAws, aws: Client) -> None:
    """A second UpdateTimeToLive within the hour is a ValidationException."""
    strict.reset(["dynamodb-ttl"])
    dynamodb = aws("dynamodb")
    table(dynamodb)

    def set_ttl(*, enabled: bool) -> None:
        dynamodb.update_time_to_live(
            TableName="events",
            TimeToLiveSpecification={"Enabled": enabled, "AttributeName": "ttl"},
        )

    def status() -> str:
        told = dynamodb.describe_time_to_live(TableName="events")["TimeToLiveDescription"]
        return str(told["TimeToLiveStatus"])

    set_ttl(enabled=True)
    assert status() == "ENABLING"
    strict.advance(3599)
    code, message, _ = refused(set_ttl, enabled=False)
    assert (code, "multiple times" in message) == ("ValidationException", True)
    strict.advance(1)
    assert status() == "ENABLED"
    set_ttl(enabled=False)
    assert status() == "DISABLING"


def test_a_protected_table_stays(strict: StrictAws, aws: Client) -> None:
    """DeleteTable is a ValidationException until the protection is off."""
    strict.reset(["dynamodb-protection"])
    dynamodb = aws("dynamodb")
    table(dynamodb, DeletionProtectionEnabled=True)
    code, message, _ = refused(dynamodb.delete_table, TableName="events")
    assert (code, "protected against deletion" in message) == ("ValidationException", True)
    dynamodb.update_table(TableName="events", DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName="events")


def test_table_tags_show_late(strict: StrictAws, aws: Client) -> None:
    """Nothing after CreateTable, the previous set after TagResource."""
    strict.reset(["dynamodb-tags=5"])
    dynamodb = aws("dynamodb")
    arn = table(dynamodb, Tags=[{"Key": "a", "Value": "1"}])["TableArn"]

    def tags() -> dict[str, str]:
        listed = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
        return {one["Key"]: one["Value"] for one in listed}

    assert tags() == {}
    strict.advance(5)
    assert tags() == {"a": "1"}
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}])
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "3"}])
    assert tags() == {"a": "1"}
    strict.advance(5)
    assert tags() == {"a": "2", "b": "3"}


def test_a_new_table_is_not_found(strict: StrictAws, aws: Client) -> None:
    """DescribeTable lags CreateTable."""
    strict.reset(["dynamodb-reads=1"])
    dynamodb = aws("dynamodb")
    table(dynamodb)
    code, _, _ = refused(dynamodb.describe_table, TableName="events")
    assert code == "ResourceNotFoundException"
    strict.advance(1)
    dynamodb.describe_table(TableName="events")
