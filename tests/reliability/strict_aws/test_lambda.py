"""States of functions and of event source mappings in the strict AWS."""

from sandbox.aws.strict import StrictAws
from tests.reliability.strict_aws.probes import Client, function, package, refused, summary


def test_a_function_is_pending_then_in_progress(strict: StrictAws, aws: Client) -> None:
    """State and LastUpdateStatus, and what each of them refuses."""
    strict.reset(["lambda-states=8"])
    lambda_ = aws("lambda")
    assert function(lambda_)["State"] == "Pending"
    described = lambda_.get_function(FunctionName="probe")["Configuration"]
    assert described["State"] == "Pending"
    settings = {"FunctionName": "probe", "Description": "changed"}
    code, message, status = refused(lambda_.update_function_configuration, **settings)
    assert (code, status) == ("ResourceConflictException", 409)
    assert message.endswith("in the following state: Pending")
    assert refused(lambda_.invoke, FunctionName="probe")[0] == "ResourceConflictException"
    strict.advance(8)
    described = lambda_.get_function(FunctionName="probe")["Configuration"]
    assert (described["State"], described["LastUpdateStatus"]) == ("Active", "Successful")
    changed = lambda_.update_function_configuration(**settings)
    assert changed["LastUpdateStatus"] == "InProgress"
    code, message, _ = refused(
        lambda_.update_function_code, FunctionName="probe", ZipFile=package()
    )
    assert (code, "An update is in progress" in message) == ("ResourceConflictException", True)
    strict.advance(8)
    lambda_.update_function_code(FunctionName="probe", ZipFile=package())
    listed = lambda_.list_functions()["Functions"][0]
    assert listed["LastUpdateStatus"] == "InProgress"
    lambda_.delete_function(FunctionName="probe")


def test_a_mapping_goes_through_its_states(strict: StrictAws, aws: Client) -> None:
    """Creating, Enabling, Enabled, Updating, Deleting, gone; never two of one pair."""
    kinesis, lambda_ = aws("kinesis"), aws("lambda")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    function(lambda_)
    strict.reset(["lambda-mappings=10"])
    pair = {
        "EventSourceArn": summary(kinesis)["StreamARN"],
        "FunctionName": "probe",
        "StartingPosition": "TRIM_HORIZON",
    }
    made = lambda_.create_event_source_mapping(**pair)
    key = {"UUID": made["UUID"]}

    def states() -> list[str]:
        listed = lambda_.list_event_source_mappings(EventSourceArn=pair["EventSourceArn"])
        return [one["State"] for one in listed["EventSourceMappings"]]

    assert made["State"] == "Creating"
    assert states() == ["Creating"]
    code, message, status = refused(lambda_.create_event_source_mapping, **pair)
    assert (code, status) == ("ResourceConflictException", 409)
    assert "already exists" in message
    assert made["UUID"] in message
    strict.advance(5)
    assert states() == ["Enabling"]
    code, _, status = refused(lambda_.update_event_source_mapping, **key, BatchSize=10)
    assert (code, status) == ("ResourceInUseException", 400)
    strict.advance(5)
    assert states() == ["Enabled"]
    assert lambda_.update_event_source_mapping(**key, BatchSize=10)["State"] == "Updating"
    assert refused(lambda_.delete_event_source_mapping, **key)[0] == "ResourceInUseException"
    strict.advance(10)
    assert lambda_.delete_event_source_mapping(**key)["State"] == "Deleting"
    assert states() == ["Deleting"]
    assert lambda_.get_event_source_mapping(**key)["State"] == "Deleting"
    assert refused(lambda_.create_event_source_mapping, **pair)[0] == "ResourceConflictException"
    strict.advance(10)
    assert states() == []
    assert refused(lambda_.get_event_source_mapping, **key)[0] == "ResourceNotFoundException"
