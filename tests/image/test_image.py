"""The image as it is shipped: size, labels, rights, content, and that it does its work."""

from __future__ import annotations

import importlib.metadata
import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from clickstream_operator.aws.limits import RATES
from sandbox import Sandbox
from sandbox.image import bom, builder
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until
from tests.image.conftest import Built
from tests.image_modules import PACKAGES, run_by_the_operator
from tests.integration.pilot import examples

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]

MOST_BYTES = 120_000_000
SECONDS = 90.0
DOCUMENTS = "usr/share/doc/clickstream-operator"


def files(root: Path) -> Iterator[Path]:
    """Every file and folder below `root`, links not followed."""
    for folder, folders, names in os.walk(root):
        yield from (Path(folder) / name for name in (*folders, *names))


def size(root: Path) -> int:
    """Bytes of all files, a hard link once."""
    found = [path.lstat() for path in files(root)]
    return sum({one.st_ino: one.st_size for one in found if stat.S_ISREG(one.st_mode)}.values())


def run(image: Built, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the image as a pod does."""
    return subprocess.run(
        image.contained.command(words),
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_adds_little_to_its_base(
    image: Built, record_property: Callable[[str, object], None]
) -> None:
    """At most 120 MB on disk."""
    added = size(image.root) - size(image.base)
    record_property("bytes over the base", added)
    assert 20_000_000 < added <= MOST_BYTES


def test_it_carries_the_modules_that_it_runs(image: Built) -> None:
    """Of our own modules exactly those that its programs import."""
    root = image.root / "opt" / "operator"
    ours = (root.glob(f"{package}/**/*.py") for package in PACKAGES)
    assert {
        path.relative_to(root).as_posix() for path in chain.from_iterable(ours)
    } == run_by_the_operator()


def test_labels_say_what_it_is(image: Built) -> None:
    """The keys of the OCI image specification's annotations, with the values of this build."""
    prefix = "org.opencontainers.image."
    labels = {
        name.removeprefix(prefix): value
        for name, value in image.config["Labels"].items()
        if name.startswith(prefix) and name != prefix + "description"
    }
    assert labels == {
        "title": "clickstream-operator",
        "version": image.arguments["VERSION"],
        "revision": image.arguments["REVISION"],
        "source": image.arguments["SOURCE"],
        "licenses": "Apache-2.0",
        "base.name": image.arguments["BASE"],
    }


def test_it_runs_as_nobody_in_particular(image: Built) -> None:
    """User and group are numbers, without further groups or capabilities, and / is read-only."""
    assert image.config["User"] == "65532:65532"
    seen = run(image, "sh", "-c", "id -u; id -g; id -G; grep CapEff /proc/self/status; touch /x")
    assert seen.stdout.split() == ["65532", "65532", "65532", "CapEff:", "0000000000000000"]
    assert "Read-only file system" in seen.stderr


def test_it_may_write_nowhere_but_in_tmp(image: Built) -> None:
    """Also where the root is not read-only: what was added belongs to root and only root writes."""
    for path in files(image.root / "opt"):
        about = path.lstat()
        assert (about.st_uid, about.st_gid) == (0, 0), path
        assert path.is_symlink() or not about.st_mode & 0o022, path
        assert not about.st_mode & (stat.S_ISUID | stat.S_ISGID), path
        assert path.is_symlink() or about.st_mode & 0o004, path
    found = run(image, "find", "/", "-xdev", "-writable", "-not", "-type", "l")
    assert found.stdout == "/tmp\n"  # noqa: S108 inside the image
    assert run(image, "touch", "/tmp/x").returncode == 0  # noqa: S108 inside the image


def test_nothing_of_the_build_is_left(image: Built) -> None:
    """No cache of pip, no settings of pip, no sources, no certificates of the build machine."""
    inside = {str(path.relative_to(image.root)) for path in files(image.root)}
    before = {str(path.relative_to(image.base)) for path in files(image.base)}
    added = {path for path in inside - before if not path.startswith(("opt/", DOCUMENTS))}
    assert added <= {"opt", "usr/share/doc/clickstream-operator"}
    assert not before - inside
    authorities = "etc/ssl/certs/ca-certificates.crt"
    assert (image.root / authorities).read_bytes() == (image.base / authorities).read_bytes()


def test_the_bill_of_materials_is_what_is_installed(image: Built) -> None:
    """Name and version of each package, from the lock on one side, from the image on the other."""
    bill = json.loads((image.root / DOCUMENTS / "operator.cdx.json").read_text())
    assert bill == json.loads(bom.BOM.read_text())
    listed = {(one["name"], one["version"]) for one in bill["components"]}
    own = bill["metadata"]["component"]
    listed.add((own["name"], own["version"]))
    path = [str(image.root / "opt" / "operator")]
    installed = {
        (one.metadata["Name"].lower().replace("_", "-"), one.version)
        for one in importlib.metadata.distributions(path=path)
    }
    assert installed == listed
    assert (image.root / DOCUMENTS / "LICENSE").read_bytes() == (
        builder.ROOT / "LICENSE"
    ).read_bytes()


def test_every_aws_service_has_its_model(image: Built) -> None:
    """The models of services that nobody calls are left out; those of the others are there."""
    services = sorted({service for service, _ in RATES} | {"kms", "sso", "sso-oidc"})
    script = (
        "import boto3, sys\n"
        "for name in sys.argv[1:]:\n"
        "    print(boto3.client(name, 'eu-west-1').meta.service_model.service_name)"
    )
    seen = run(image, "python3", "-c", script, *services)
    assert seen.stdout.split() == services, seen.stderr


def test_it_tells_its_version(image: Built) -> None:
    """`--version` works without a cluster and without AWS."""
    seen = run(image, *image.contained.entrypoint("--version"))
    assert seen.returncode == 0, seen.stderr
    assert image.arguments["VERSION"] in seen.stdout


def test_it_reconciles(image: Built, sandbox: Sandbox) -> None:
    """From an object to every resource ready, and to nothing again, with the image's own files."""
    operator = OperatorProcess(
        sandbox,
        {"CLICKSTREAM_PACKAGES": "/opt/lambdas"},
        command=image.contained.command(image.contained.entrypoint()),
    )
    operator.install()
    sandbox.reset_aws()
    operator.start()
    try:
        sandbox.kubectl("apply", "-f", str(examples() / "quickstart.yaml"))
        ready = wait_until(lambda: states(sandbox) == {"Ready"}, SECONDS)
        assert ready, (states(sandbox), operator.log.read_text()[-3000:])
        loaded = Path("/proc") / str(pid(image)) / "status"
        assert "Uid:\t65532\t65532\t65532\t65532" in loaded.read_text()
        sandbox.kubectl("delete", "csp", "--all", "--wait=false")
        assert wait_until(lambda: not sandbox.kubectl("get", "csp", "-o", "name").stdout, SECONDS)
    finally:
        operator.stop()


def states(sandbox: Sandbox) -> set[str]:
    """The states of the pipeline's resources."""
    body = json.loads(sandbox.kubectl("get", "csp", "quickstart", "-o", "json").stdout)
    return {one["state"] for one in body.get("status", {}).get("resources", [])}


def pid(image: Built) -> int:
    """The one process whose root folder is the image."""
    found = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _root(folder) == str(image.root)
    ]
    assert len(found) == 1
    return found[0]


def _root(folder: Path) -> str:
    try:
        return str((folder / "root").readlink())
    except OSError:
        return ""
