"""The operator: one ClickstreamPipeline becomes a working pipeline on AWS."""
