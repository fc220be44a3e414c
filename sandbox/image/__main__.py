"""Command line: `python -m sandbox.image` builds the operator's image."""

from __future__ import annotations

import sys

import click

from sandbox.errors import SandboxError
from sandbox.image import builder
from sandbox.processes.progress import say, step


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--base", help="Image to build on, instead of the one that the Dockerfile pins.")
@click.option("--tag", help="Name of the image. Default: clickstream-operator:<version>.")
@click.option("--with", "wanted", type=click.Choice(["docker", "podman", "buildah"]))
def main(base: str | None, tag: str | None, wanted: str | None) -> None:
    """Build the operator's image with docker, podman or buildah, and print its name."""
    try:
        arguments = builder.arguments(base)
        name = tag or f"{builder.NAME}:{arguments['VERSION']}"
        program = builder.choose(wanted)
        with step(f"Building {name} with {program}"):
            builder.build(name, program=[program], arguments=arguments)
    except SandboxError as error:
        say(f"Error: {error}")
        sys.exit(1)
    print(name)


if __name__ == "__main__":
    main()
