"""What is said when an image can't be built."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sandbox import SandboxError
from sandbox.image import builder


def script(path: Path, text: str) -> Path:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)
    return path


@pytest.mark.parametrize(
    ("printed", "remedy"),
    [
        ("crun: no cgroups; while running runtime: exit status 1", "set BUILDAH_ISOLATION=chroot"),
        ("pip: no network", ""),
    ],
)
def test_a_failed_build_shows_its_end_and_a_remedy_where_there_is_one(
    tmp_path: Path, printed: str, remedy: str
) -> None:
    """The builder's last lines; where no container runtime works, what to set."""
    program = script(tmp_path / "buildah", f"echo '{printed}'; exit 125")
    with pytest.raises(SandboxError) as raised:
        builder.build("image:1", program=[str(program)], arguments={"VERSION": "1"})
    assert printed in str(raised.value)
    assert remedy in str(raised.value)
    assert ("BUILDAH_ISOLATION" in str(raised.value)) is bool(remedy)


def test_the_first_builder_that_works_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker without its daemon is passed over; without any builder the message says what to do."""
    script(tmp_path / "docker", "exit 1")
    script(tmp_path / "buildah", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}")
    assert builder.choose() == "buildah"
    with pytest.raises(SandboxError, match="docker does not answer"):
        builder.choose("docker")
    script(tmp_path / "buildah", "exit 1")
    with pytest.raises(SandboxError, match="Start Docker, or install podman or buildah"):
        builder.choose()
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(SandboxError, match="none of docker, podman, buildah"):
        builder.choose()
