"""The image's root filesystem: small, nothing in it but bridge, and bridge works in it as a user without any rights."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.servers.certificates import Authority
from tests.servers.ports import free_port
from tests.servers.process import Process
from tests.servers.secure_kafka import SecureKafka
from tests.servers.tokens import CLIENT, SECRET, Provider
from tests.servers.wait import eventually

from .bridge import BINARY, ROOT, Bridge
from .config import Config

ROOTFS = ROOT / "deploy/rootfs"
USER = 65532
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def call(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(w) for w in (ROOTFS, *words)], capture_output=True, text=True, timeout=120,
                          env={**ENVIRONMENT, **env})


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("image") / "root"
    done = call("build", made, BINARY)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return made


@pytest.fixture(scope="session")
def runnable(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, where a process may be given another root."""
    done = call("run", root, tmp_path_factory.mktemp("empty"), "version")
    if re.search("unshare: .*(not permitted|No space left)|mount: .*permi", done.stderr):
        pytest.skip(f"neither root nor user namespaces here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("bridge ")
    return root


# -- what is in it


def test_it_holds_one_program_and_nothing_may_change_its_user(root):
    files = [p for p in root.rglob("*") if p.is_file() and not p.is_symlink()]
    programs = [p for p in files if os.access(p, os.X_OK) and ".so" not in p.name]
    assert [str(p.relative_to(root)) for p in programs] == ["usr/local/bin/bridge"]
    assert [p for p in files if p.stat().st_mode & 0o6022] == []
    assert {p.parent.name for p in files if ".so" in p.name} <= {f"{os.uname().machine}-linux-gnu", "lib64", "lib"}


def test_every_library_has_its_licence_and_its_package(root):
    packages = {p.name for p in (root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "librdkafka1", "libcurl4", "ca-certificates"} <= packages
    for name in packages:
        assert (root / f"usr/share/doc/{name}/copyright").stat().st_size > 0
        assert re.search(r"^Version: \S+$", (root / f"var/lib/dpkg/status.d/{name}").read_text(), re.M)


def test_the_authorities_are_there_for_openssl_and_for_libcurl(root):
    """As one file, and by their hashes: those still count beside a caCert."""
    bundle = (root / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE")
    hashes = list((root / "etc/ssl/certs").glob("*.[0-9]"))
    assert bundle == len({p.resolve() for p in hashes}) > 50
    places = subprocess.run(["openssl", "version", "-d"], capture_output=True, text=True, check=True).stdout
    directory = root / re.findall(r'"/(.*)"', places)[0]
    assert [os.readlink(directory / name) for name in ("cert.pem", "certs")] == [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs"]


def test_one_that_is_too_large_is_refused(tmp_path):
    done = call("build", tmp_path / "root", BINARY, LIMIT_MB="1")
    assert done.returncode == 1
    assert "is larger than 1 MB" in done.stderr


def test_the_dockerfile_takes_nothing_but_that_folder():
    text = (ROOT / "deploy/Dockerfile").read_text()
    first, last = re.split(r"^FROM scratch$", text, flags=re.M)
    assert re.search(r"^FROM debian:bookworm-slim AS build$", first, re.M)
    assert "/src/deploy/rootfs build /rootfs" in first
    assert re.findall(r"^(?:COPY|ADD|RUN) .*", last, re.M) == ["COPY --from=build /rootfs/ /"]
    assert f"USER {USER}:{USER}\n" in last
    assert 'CMD ["/usr/local/bin/bridge", "top", "--once"]' in last
    assert f"USER_ID={USER}\n" in ROOTFS.read_text()


def commands(said: str) -> list[str]:
    """Of make, without those that only generate: they are spared where it was built before."""
    return [line for line in said.splitlines() if "/gen" not in line.split(" -c ")[0] and " GEN " not in line]


def test_docker_is_given_all_that_a_build_reads(tmp_path):
    """Of the tree it sees what Dockerfile.dockerignore names: make finds every file of the program there."""
    for line in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines():
        if line.startswith("!"):
            name, to = line[1:], tmp_path / line[1:]
            to.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, to)
    made = [subprocess.run(["make", "--no-print-directory", "-n", "-C", str(where), "O=build/none", "all"], text=True,
                           capture_output=True, env=ENVIRONMENT) for where in (ROOT, tmp_path)]
    assert made[1].returncode == 0, made[1].stderr
    assert commands(made[1].stdout) == commands(made[0].stdout.replace(str(ROOT), str(tmp_path)))
    assert (tmp_path / "deploy/rootfs").exists() and (tmp_path / "tools/packages").exists()


# -- running in it


def mounted(directory: Path, text: str) -> Path:
    """Files as Kubernetes mounts a ConfigMap: links into a folder that is changed at once."""
    (directory / "..2025").mkdir(parents=True)
    (directory / "..2025/bridge.yaml").write_text(text)
    (directory / "..data").symlink_to("..2025")
    (directory / "bridge.yaml").symlink_to("..data/bridge.yaml")
    return directory


@pytest.fixture
def in_image(runnable: Path, bridge: Callable[[Config], Bridge], tmp_path: Path) -> Callable[[Config], Bridge]:
    """Makes a bridge that is started in the image, not started."""
    def make(config: Config) -> Bridge:
        b = bridge(config)
        seen = mounted(tmp_path / "mounted", b.file.read_text())
        b.process = Process([str(ROOTFS), "run", str(runnable), str(seen), "--config", "/etc/bridge"],
                            b.process.log, ENVIRONMENT)
        return b

    return make


def fields(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def test_it_checks_what_is_mounted(runnable, tmp_path):
    good = Config(function={"address": "127.0.0.1:1"}).binding("orders", "127.0.0.1:2", "orders", "g")
    done = call("run", runnable, mounted(tmp_path / "good", good.text(free_port(), free_port())), "check", "--config",
                "/etc/bridge")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "ok: 1 component" in done.stderr
    bad = mounted(tmp_path / "bad", "apiVersion: bridge/v1\nkind: Bridge\nspec: {functoin: {}}\n")
    done = call("run", runnable, bad, "check", "--config", "/etc/bridge")
    assert done.returncode == 2
    assert "/etc/bridge/bridge.yaml:3:" in done.stderr


def test_events_go_through_it_and_it_has_no_rights(kafka, function, in_image, ledger, group, runnable, tmp_path):
    topic, port = kafka.create(partitions=1), function.address.split(":")[-1]
    config = Config(function={"address": f"localhost:{port}"}).binding(	# a name: it is looked up
        "orders", kafka.brokers, topic, group)
    b = in_image(config).start()
    ledger.produce(kafka, topic, 100)
    ledger.wait(function)
    seen = fields(b.process.pid)
    as_seen = USER if os.getuid() == 0 else os.getuid()
    assert seen["Uid"].split() == [str(as_seen)] * 4 and seen["Groups"] == ""
    assert int(seen["CapEff"], 16) == int(seen["CapPrm"], 16) == 0 and seen["NoNewPrivs"] == "1"
    slash = [line.split() for line in Path(f"/proc/{b.process.pid}/mountinfo").read_text().splitlines()
               if line.split()[4] == "/"]
    assert [str(runnable).endswith(s[3]) and "ro" in s[5].split(",") for s in slash] == [True]

    def healthy(admin: int) -> int:
        return call("run", runnable, tmp_path, "top", "--once", "--admin", f"127.0.0.1:{admin}").returncode

    assert healthy(b.admin_port) == 0
    assert healthy(free_port()) == 1
    b.stop()
    assert kafka.committed_sum(group, topic) == 100


@pytest.fixture
def trusted(runnable: Path, tmp_path: Path) -> Iterator[Authority]:
    """An authority whose certificate was added to those of the image, by its hash as ca-certificates does."""
    authority = Authority(tmp_path / "trusted", "trusted")
    done = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", str(authority.file)], capture_output=True,
                          text=True, check=True)
    added = runnable / f"etc/ssl/certs/{done.stdout.strip()}.0"
    shutil.copy(authority.file, added)
    yield authority
    added.unlink()


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Of the broker alone: the image does not know it, caCert says it."""
    return Authority(tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def secure(private: Authority) -> Iterator[SecureKafka]:
    k = SecureKafka(private).start()
    yield k
    k.close()


def provider_of(authority: Authority, file: Path) -> Provider:
    certificate, key = authority.sign("tokens", "DNS:localhost")
    file.write_text(certificate + key)
    return Provider(file)


@pytest.mark.parametrize("known", [True, False])
def test_tls_and_tokens_work_with_the_authorities_of_the_image(
        known, in_image, trusted, private, secure, function, ledger, group, tmp_path):
    """libcurl is loaded, the provider's name is looked up, and its certificate is known to the image beside the caCert."""
    provider = provider_of(trusted if known else Authority(tmp_path / "unknown", "unknown"), tmp_path / "tokens.pem")
    topic = secure.create(partitions=1)
    rows: dict[str, Any] = {
        "authType": "oidc", "oidcTokenEndpoint": provider.endpoint.replace("127.0.0.1", "localhost"),
        "oidcClientID": CLIENT, "oidcClientSecret": SECRET, "oidcScopes": "kafka", "caCert": private.text}
    config = Config(function={"address": function.address}).binding(
        "orders", secure.brokers_of("SASL"), topic, group, **rows)
    try:
        b = in_image(config).start()
        ledger.produce(secure, topic, 20)
        if known:
            ledger.wait(function)
            b.stop()
        else:
            eventually(lambda: b.log_contains("no token from .*certificate"), 30)
            assert provider.asked == [] and function.requests() == []
    finally:
        provider.close()
