"""Trino, assembled from Maven Central's jars: the engine that Athena's dialect comes from.

No tarball of the server is in a repository, so the jars of server and Hive connector are laid out
as the tarball has them. `trino/jars.sha256` pins each, and says which there are.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from sandbox.errors import SandboxError
from sandbox.processes.progress import step
from sandbox.programs import cache

_SOURCE: Final = Path(__file__).parent / "trino"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
_PARTS: Final = {"trino-main": "lib", "trino-hive": "plugin/hive"}
_PLUGIN: Final = "io.trino.plugin.hive.HivePlugin"
#: What this version of Trino runs on.
JAVA: Final = 25
_JVMS: Final = Path("/usr/lib/jvm")


def version() -> str:
    """Return Trino's version, such as `483`."""
    found = re.search(r"<trino.version>(\d+)<", (_SOURCE / "pom.xml").read_text())
    if found is None:
        raise SandboxError("The pom.xml of Trino names no trino.version.")
    return found[1]


def locate() -> Path:
    """Return a folder with `lib/`, `plugin/` and `start/`; the first call on a machine fills it.

    Raises:
        SandboxError: there is no Maven or no Java, a download failed, or a jar is another one.
    """
    key = cache.digest(path.read_bytes() for path in sorted(_SOURCE.iterdir()))
    return cache.entry(f"trino-{key}", _fill)


def java() -> Path:
    """Return the `bin` folder of a JDK that is new enough: JAVA_HOME, PATH, or /usr/lib/jvm.

    Raises:
        SandboxError: there is none.
    """
    on_path = shutil.which("java")
    homes = [Path(os.environ["JAVA_HOME"]) / "bin"] if os.environ.get("JAVA_HOME") else []
    homes += [Path(on_path).resolve().parent] if on_path else []
    homes += [home / "bin" for home in sorted(_JVMS.glob("*"))] if _JVMS.is_dir() else []
    for folder in homes:
        if (folder / "javac").exists() and _major(folder / "java") >= JAVA:
            return folder
    raise SandboxError(f"Trino {version()} needs a JDK {JAVA} or newer: install one, set JAVA_HOME")


def _major(program: Path) -> int:
    done = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found else 0


def _fill(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise SandboxError("Trino's jars are fetched with Maven: install it, and put mvn on PATH")
    tools = java()
    with step(f"Fetching the jars of Trino {version()} (450 MB)"):
        for part, target in _PARTS.items():
            _copy(maven, part, folder / target)
        _verify(folder)
    (folder / "start").mkdir()
    _run(
        [tools / "javac", "-cp", f"{folder}/lib/*", "-d", folder / "start", _SOURCE / "Start.java"]
    )
    # The tarball's build adds this entry, by which a server finds its plugins.
    with zipfile.ZipFile(folder / "plugin" / "hive" / "services.jar", "w") as jar:
        jar.writestr("META-INF/services/io.trino.spi.Plugin", f"{_PLUGIN}\n")


def _copy(maven: str, part: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copyfile(_SOURCE / "pom.xml", Path(scratch) / "pom.xml")
        words = ("--batch-mode", "--quiet", "--strict-checksums", "--file", f"{scratch}/pom.xml")
        settings = (f"-Dtrino.part={part}", f"-DoutputDirectory={folder}")
        _run([maven, *words, _COPY, "-DincludeScope=runtime", *settings])


def _verify(folder: Path) -> None:
    """Compare the jars with the pinned ones: none other, none missing."""
    lines = (_SOURCE / "jars.sha256").read_text().splitlines()
    pinned = {name: digest for digest, name in (line.split() for line in lines)}
    found = {path.name for path in folder.rglob("*.jar")}
    if found != pinned.keys():
        names = ", ".join(sorted(found ^ pinned.keys()))
        raise SandboxError(f"Maven's jars are not those of jars.sha256: {names}")
    for path in folder.rglob("*.jar"):
        if hashlib.sha256(path.read_bytes()).hexdigest() != pinned[path.name]:
            raise SandboxError(f"{path.name} is not the jar that jars.sha256 pins")


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        raise SandboxError(f"{Path(command[0]).name} failed: {lines[0]}\n" + "\n".join(lines[1:8]))
