# The resources of `spec: {}`, so that both tools are counted on the same things.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "endpoint" { type = string }
variable "packages" { type = string }
variable "shards" { default = 2 }
variable "retention_hours" { default = 24 }

locals {
  base     = "bench"
  services = toset(["processor", "detector"])
  alarms = merge([for function in local.services : {
    "${function}-iterator-age" = { function = function, metric = "IteratorAge", statistic = "Maximum", threshold = 120000 }
    "${function}-errors"       = { function = function, metric = "Errors", statistic = "Sum", threshold = 0 }
    "${function}-throttles"    = { function = function, metric = "Throttles", statistic = "Sum", threshold = 0 }
    "${function}-duration"     = { function = function, metric = "Duration", statistic = "Maximum", threshold = 48000 }
  }]...)
  tables = {
    page-metrics    = { hash = "page_url", range = "timestamp_hour" }
    session-metrics = { hash = "session_id", range = null }
    counters        = { hash = "metric_name", range = "time_window" }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "123456789012"
  secret_key                  = "sandbox"
  s3_use_path_style           = true
  skip_metadata_api_check     = true
  skip_credentials_validation = true
  skip_requesting_account_id  = false
  endpoints {
    cloudwatch = var.endpoint
    dynamodb   = var.endpoint
    iam        = var.endpoint
    kinesis    = var.endpoint
    kms        = var.endpoint
    lambda     = var.endpoint
    logs       = var.endpoint
    s3         = var.endpoint
    s3control  = var.endpoint
    scheduler  = var.endpoint
    sqs        = var.endpoint
    ssm        = var.endpoint
    sts        = var.endpoint
  }
  default_tags { tags = { Environment = "dev", Pipeline = local.base } }
}

resource "aws_kinesis_stream" "events" {
  name                = "${local.base}-events"
  shard_count         = var.shards
  retention_period    = var.retention_hours
  encryption_type     = "KMS"
  kms_key_id          = "alias/aws/kinesis"
  shard_level_metrics = ["IncomingRecords", "OutgoingRecords"]
}

resource "aws_dynamodb_table" "table" {
  for_each                    = local.tables
  name                        = "${local.base}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.hash
  range_key                   = each.value.range
  deletion_protection_enabled = false
  dynamic "attribute" {
    for_each = compact([each.value.hash, each.value.range])
    content {
      name = attribute.value
      type = "S"
    }
  }
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }
  point_in_time_recovery { enabled = true }
}

resource "aws_s3_bucket" "archive" { bucket = "${local.base}-archive" }

resource "aws_s3_bucket_versioning" "archive" {
  bucket = aws_s3_bucket.archive.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_public_access_block" "archive" {
  bucket                  = aws_s3_bucket.archive.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "archive" {
  bucket = aws_s3_bucket.archive.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.archive.arn, "${aws_s3_bucket.archive.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id
  dynamic "rule" {
    for_each = toset(["raw/", "bad/", "aws/lambda/"])
    content {
      id     = rule.value
      status = "Enabled"
      filter { prefix = rule.value }
      expiration { days = 365 }
      noncurrent_version_expiration { noncurrent_days = 30 }
      abort_incomplete_multipart_upload { days_after_initiation = 7 }
    }
  }
}

resource "aws_s3_bucket_metric" "failed" {
  bucket = aws_s3_bucket.archive.id
  name   = "failed-objects"
  filter { prefix = "aws/lambda/" }
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = "${local.base}-dead-letter"
  message_retention_seconds = 1209600
}

resource "aws_ssm_parameter" "hash_key" {
  name  = "/clickstream/${local.base}/hash-key"
  type  = "SecureString"
  value = "0123456789abcdef0123456789abcdef"
}

resource "aws_cloudwatch_log_group" "logs" {
  for_each          = local.services
  name              = "/aws/lambda/${local.base}-${each.key}"
  retention_in_days = 14
}

resource "aws_iam_role" "role" {
  for_each = toset(["processor", "detector", "scheduler"])
  name     = "${local.base}-${each.key}"
  path     = "/clickstream/"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = each.key == "scheduler" ? "scheduler.amazonaws.com" : "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "policy" {
  for_each = aws_iam_role.role
  name     = "clickstream"
  role     = each.value.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "kinesis:Get*", Resource = aws_kinesis_stream.events.arn }]
  })
}

resource "aws_lambda_function" "function" {
  for_each         = local.services
  function_name    = "${local.base}-${each.key}"
  role             = aws_iam_role.role[each.key].arn
  handler          = "${each.key}.handler.handle"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 256
  timeout          = 60
  filename         = "${var.packages}/${each.key}.zip"
  source_code_hash = filebase64sha256("${var.packages}/${each.key}.zip")
  environment { variables = { RETENTION = var.retention_hours } }
  depends_on = [aws_cloudwatch_log_group.logs, aws_iam_role_policy.policy]
}

resource "aws_lambda_event_source_mapping" "mapping" {
  for_each                           = local.services
  event_source_arn                   = aws_kinesis_stream.events.arn
  function_name                      = aws_lambda_function.function[each.key].arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 1000
  maximum_batching_window_in_seconds = 5
  enabled                            = false # the functions of the benchmark have nothing to do
}

resource "aws_scheduler_schedule" "detector" {
  name                = local.base
  schedule_expression = "rate(1 minute)"
  state               = "DISABLED"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = aws_lambda_function.function["detector"].arn
    role_arn = aws_iam_role.role["scheduler"].arn
  }
}

resource "aws_cloudwatch_dashboard" "dashboard" {
  dashboard_name = local.base
  dashboard_body = jsonencode({ widgets = [{ type = "metric", x = 0, y = 0, width = 24, height = 6, properties = {
    region  = "us-east-1"
    metrics = [["AWS/Kinesis", "IncomingRecords", "StreamName", aws_kinesis_stream.events.name]]
  } }] })
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each            = local.alarms
  alarm_name          = "${local.base}-${each.key}"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = 5
  dimensions          = { FunctionName = aws_lambda_function.function[each.value.function].function_name }
}

resource "aws_cloudwatch_metric_alarm" "dead_letter" {
  alarm_name          = "${local.base}-dead-letter-depth"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 1
  dimensions          = { QueueName = aws_sqs_queue.dead_letter.name }
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${local.base}-failed-objects"
  namespace           = "AWS/S3"
  metric_name         = "PutRequests"
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 1
  dimensions          = { BucketName = aws_s3_bucket.archive.id, FilterId = aws_s3_bucket_metric.failed.name }
}
