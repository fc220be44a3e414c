"""Start of a container of either function: clients, config, the hash key."""

from __future__ import annotations

import os
from typing import Any

import botocore.config
import botocore.session

from shared.config import Config, load_config

THREADS = 16
"""Concurrent DynamoDB writes of one invocation; the connection pool is as large."""


class Clients:
    """AWS clients of this container, each made when first asked for."""

    def __init__(self) -> None:
        # botocore without boto3: the resource layer costs start-up time and is not used.
        self._session = botocore.session.get_session()
        self._settings = botocore.config.Config(
            max_pool_connections=THREADS,
            connect_timeout=3,
            read_timeout=10,
            # The requests are made here and tested; checking each costs a sixth of the CPU time.
            parameter_validation=False,
            # Made anew for each request otherwise, at a tenth of the CPU time of a small one.
            user_agent="clickstream-operator",
            retries={"mode": "standard", "total_max_attempts": 4},
        )

    def make(self, service: str, **settings: Any) -> Any:
        """Return a new client; region, endpoint and credentials are the environment's.

        `settings` of botocore's `Config` take the place of the usual ones.
        """
        config = self._settings.merge(botocore.config.Config(**settings))
        return self._session.create_client(service, config=config)


def read_config(clients: Clients, function: str) -> Config:
    """Return this function's config; raises as `load_config` does."""
    return load_config(os.environ, s3=lambda: clients.make("s3"), function=function)


def read_hash_key(clients: Clients, config: Config) -> bytes:
    """Return the pipeline's hash key from its SecureString. It is never logged."""
    answer = clients.make("ssm").get_parameter(
        Name=config.privacy.hash_key_parameter, WithDecryption=True
    )
    return str(answer["Parameter"]["Value"]).encode()
