"""Command of the operator: read the settings, configure the logs, run the process.

Started by the chart's Deployment; calls `settings.load`, `telemetry.configure` and `runtime.run`.
"""

from __future__ import annotations

import asyncio
import sys

import click

from clickstream_operator import settings
from clickstream_operator.kube.client import KubernetesError
from clickstream_operator.runtime import run
from clickstream_operator.settings import SettingsError
from clickstream_operator.telemetry import configure


@click.command()
@click.option("--debug", is_flag=True, help="Show a traceback when the start fails.")
@click.version_option(package_name="clickstream-operator")
def main(*, debug: bool) -> None:
    """Reconcile ClickstreamPipelines until stopped. Settings are CLICKSTREAM_* variables."""
    try:
        chosen = settings.load()
        configure(chosen.log_level)
        asyncio.run(run(chosen))
    except (SettingsError, KubernetesError, OSError) as error:
        if debug:
            raise
        click.echo(f"clickstream-operator: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
