"""The image, built once for all tests here, and its files mounted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.image import builder, debian
from sandbox.image.contained import Contained
from sandbox.processes.peers import OTHER_USER


@dataclass(frozen=True, slots=True)
class Built:
    """The image and its base, in a storage of their own."""

    contained: Contained
    arguments: dict[str, str]
    base: Path

    @property
    def root(self) -> Path:
        """Where its files are."""
        return self.contained.root

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration: Env, Labels, User, ..."""
        return self.contained.config


@pytest.fixture(scope="session", autouse=True)
def user_of_the_image() -> Iterator[None]:
    """Let the sandbox, which starts later, take requests of the user whom the image runs as."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OTHER_USER, "65532")
        yield


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Build for real, on a base from Debian's archive: registries are not reached from here."""
    if os.geteuid() != 0:
        pytest.fail("make test-image mounts the image and changes users: run it as root")
    storage = tmp_path_factory.mktemp("storage")
    program = debian.buildah(storage)
    base = debian.run([*program, "pull", "--quiet", f"oci-archive:{debian.archive()}"])
    debian.run([*program, "tag", base, "localhost/base:1"])
    arguments = {
        **builder.arguments("localhost/base:1"),
        "REVISION": "0123456789abcdef0123456789abcdef01234567",
        "SOURCE": "https://example.com/clickstream-operator",
    }
    builder.build(
        "localhost/operator:1",
        program=program,
        arguments=arguments,
        options=["--isolation", "chroot", "--network", "host", "--layers=false"],
    )
    about = json.loads(debian.run([*program, "inspect", "--type", "image", "localhost/operator:1"]))
    roots = [
        Path(debian.run([*program, "mount", debian.run([*program, "from", "--pull-never", name])]))
        for name in ("localhost/base:1", "localhost/operator:1")
    ]
    contained = Contained(roots[1], about["OCIv1"]["config"])
    yield Built(contained, arguments, roots[0])
    debian.run([*program, "umount", "--all"])
    debian.run([*program, "rm", "--all"])
    debian.run([*program, "rmi", "--all", "--force"])
