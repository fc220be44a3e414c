"""Read lag, resting names, idempotent creates and confirmations of queues and topics."""

from sandbox.aws.strict import StrictAws
from tests.reliability.strict_aws.probes import ACCOUNT, Client, refused


def test_a_new_queue_is_not_found(strict: StrictAws, aws: Client) -> None:
    """GetQueueUrl lags CreateQueue."""
    strict.reset(["sqs-reads=1"])
    sqs = aws("sqs")
    sqs.create_queue(QueueName="failed")
    code, _, _ = refused(sqs.get_queue_url, QueueName="failed")
    assert code == "AWS.SimpleQueueService.NonExistentQueue"
    strict.advance(1)
    sqs.get_queue_url(QueueName="failed")


def test_the_name_of_a_queue_rests(strict: StrictAws, aws: Client) -> None:
    """GetQueueUrl still answers, CreateQueue does not, for 60 seconds."""
    strict.reset(["sqs-deletions"])
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="failed")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    assert sqs.get_queue_url(QueueName="failed")["QueueUrl"] == url
    strict.advance(59)
    code, _, _ = refused(sqs.get_queue_url, QueueName="failed")
    assert code == "AWS.SimpleQueueService.NonExistentQueue"
    code, message, status = refused(sqs.create_queue, QueueName="failed")
    assert (code, status) == ("AWS.SimpleQueueService.QueueDeletedRecently", 400)
    assert message.startswith("You must wait 60 seconds")
    strict.advance(1)
    sqs.create_queue(QueueName="failed")


def test_a_queue_of_other_tags_is_not_returned(strict: StrictAws, aws: Client) -> None:
    """CreateQueue returns what is there to the same request, and refuses another."""
    strict.reset(["idempotent-creates"])
    sqs = aws("sqs")
    mine = {"QueueName": "failed", "tags": {"a": "b"}}
    made = sqs.create_queue(**mine)["QueueUrl"]
    assert sqs.create_queue(**mine)["QueueUrl"] == made
    code, _, status = refused(sqs.create_queue, **mine | {"tags": {"a": "c"}})
    assert (code, status) == ("QueueAlreadyExists", 400)
    wanted = {"MessageRetentionPeriod": "7200"}
    code, _, _ = refused(sqs.create_queue, **mine, Attributes=wanted)
    assert code == "QueueAlreadyExists"
    assert sqs.list_queue_tags(QueueUrl=made)["Tags"] == {"a": "b"}


def test_a_topic_of_other_tags_is_not_returned(strict: StrictAws, aws: Client) -> None:
    """CreateTopic returns what is there to the same request, and refuses another."""
    strict.reset(["idempotent-creates"])
    sns = aws("sns")
    mine = {"Name": "alerts", "Tags": [{"Key": "a", "Value": "b"}]}
    made = sns.create_topic(**mine)["TopicArn"]
    assert sns.create_topic(**mine)["TopicArn"] == made
    code, message, _ = refused(sns.create_topic, Name="alerts", Tags=[{"Key": "a", "Value": "c"}])
    assert (code, message.partition(" Reason: ")[2]) == (
        "InvalidParameter",
        "Topic already exists with different tags",
    )


def test_queue_attributes_show_late(strict: StrictAws, aws: Client) -> None:
    """GetQueueAttributes lags SetQueueAttributes."""
    strict.reset(["sqs-attributes=60"])
    sqs = aws("sqs")
    attributes = {"MessageRetentionPeriod": "3600"}
    url = sqs.create_queue(QueueName="failed", Attributes=attributes)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "7200"})

    def retention() -> str:
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])
        return str(told["Attributes"]["MessageRetentionPeriod"])

    assert retention() == "3600"
    strict.advance(60)
    assert retention() == "7200"


def test_a_mail_subscription_waits_for_its_reader(strict: StrictAws, aws: Client) -> None:
    """Pending, not to be unsubscribed, until it is confirmed."""
    strict.reset(["sns-confirmations"])
    sns = aws("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    mail = {"TopicArn": topic, "Protocol": "email", "Endpoint": "reader@example.com"}
    assert sns.subscribe(**mail)["SubscriptionArn"] == "pending confirmation"

    def listed() -> list[str]:
        answer = sns.list_subscriptions_by_topic(TopicArn=topic)
        return [one["SubscriptionArn"] for one in answer["Subscriptions"]]

    assert listed() == ["PendingConfirmation"]
    arn = sns.subscribe(**mail, ReturnSubscriptionArn=True)["SubscriptionArn"]
    for name in ("PendingConfirmation", arn):
        code, message, _ = refused(sns.unsubscribe, SubscriptionArn=name)
        assert (code, "pending" in message) == ("InvalidParameter", True)
    assert strict.confirm("reader@example.com") == 1
    assert listed() == [arn]
    sns.unsubscribe(SubscriptionArn=arn)
    assert listed() == []


def test_an_unread_mail_subscription_goes(strict: StrictAws, aws: Client) -> None:
    """After 48 hours; one of another kind is never pending."""
    strict.reset(["sns-confirmations"])
    sns = aws("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.com")
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:failed"
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    assert arn.startswith("arn:")
    strict.advance(48 * 3600)
    answer = sns.list_subscriptions_by_topic(TopicArn=topic)
    assert [one["SubscriptionArn"] for one in answer["Subscriptions"]] == [arn]
