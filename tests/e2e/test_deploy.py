"""What deploy/ holds for Kubernetes, Prometheus, Grafana and systemd: it is valid, agrees with itself and with the program."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

from tests.servers.wait import eventually

from .bridge import BINARY, ROOT, run
from .metrics import Metrics

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
KEDA_S = "overlays/scaler/scaledobject.yaml"		# no kind of Kubernetes itself
OVERLAYS = ("sidecar", "standalone", "scaler")
RULES, RULES_TESTS = (DEPLOY / "prometheus" / f"bridge.{name}" for name in ("rules.yaml", "rules.test.yaml"))
DASHBOARD, UNIT = DEPLOY / "grafana/bridge.json", DEPLOY / "systemd/bridge.service"
TOOLS = ROOT / "build/deploy-tools"		# tools/fetch-deploy-tools
ADDED_BY_PROMETHEUS = {"namespace", "instance", "job"}


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(TOOLS / "usr/bin"))
    if not found:
        pytest.skip(f"{name} is not installed; run: make deploy-tools")
    return found


def said(*words: object, **env: str) -> str:
    """Of a program that has to end well."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- Kubernetes


def documents(file: Path) -> Iterator[dict[str, Any]]:
    yield from (d for d in yaml.safe_load_all(file.read_text()) if d)


def files_of(folder: Path) -> list[Path]:
    """Of a kustomization, those of what it builds upon too."""
    listed = [folder / name for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]]
    return [file for one in listed for file in ([one] if one.is_file() else files_of(one))]


def objects(overlay: str) -> list[dict[str, Any]]:
    return [d for file in files_of(KUBERNETES / "overlays" / overlay) for d in documents(file)]


def of_kind(overlay: str, kind: str) -> list[dict[str, Any]]:
    return [o for o in objects(overlay) if o["kind"] == kind]


def deployment(overlay: str) -> dict[str, Any]:
    [found] = of_kind(overlay, "Deployment")
    return found


def pod(overlay: str) -> dict[str, Any]:
    return deployment(overlay)["spec"]["template"]["spec"]


def container(overlay: str, name: str = "bridge") -> dict[str, Any]:
    return next(c for c in pod(overlay)["containers"] if c["name"] == name)


def configuration(overlay: str, to: Path) -> Path:
    """The folder that the pod sees as /etc/bridge."""
    maps = {o["metadata"]["name"]: o["data"] for o in of_kind(overlay, "ConfigMap")}
    [volume] = [v for v in pod(overlay)["volumes"] if "projected" in v]
    assert {"name": volume["name"], "mountPath": "/etc/bridge", "readOnly": True} in container(overlay)["volumeMounts"]
    for source in volume["projected"]["sources"]:
        for name, text in maps[source["configMap"]["name"]].items():
            assert not (to / name).exists(), f"{name} is in two ConfigMaps"
            (to / name).write_text(text)
    return to


def drain_s(overlay: str) -> int:
    for data in (o["data"] for o in of_kind(overlay, "ConfigMap")):
        for text in data.values():
            for document in yaml.safe_load_all(text):
                if "drainTimeout" in document["spec"]:
                    return int(document["spec"]["drainTimeout"].removesuffix("s"))
    return 5


def test_every_file_belongs_to_a_kustomization():
    there = {f for f in KUBERNETES.rglob("*.yaml") if f.name != "kustomization.yaml"}
    assert {f.resolve() for o in OVERLAYS for f in files_of(KUBERNETES / "overlays" / o)} == there


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_bridge_takes_the_configuration(overlay, tmp_path):
    directory = configuration(overlay, tmp_path)
    words = container(overlay)["args"]
    assert words[-2:] == ["--config", "/etc/bridge"]
    done = run("check", "--config", str(directory))
    told = [line for line in re.findall(r".*: (?:error|warning): .*", done.stderr)
            if not (overlay == "scaler" and "no function to deliver to" in line)]		# it delivers nothing
    assert (done.returncode, told) == (0, [])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_containers_have_no_rights(overlay):
    spec = pod(overlay)
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["automountServiceAccountToken"] is False
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec)
    for one in spec["containers"]:
        rights = one["securityContext"]
        assert rights["runAsUser"] > 0 and rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False and rights["capabilities"] == {"drop": ["ALL"]}
        assert one["resources"]["requests"].keys() == {"cpu", "memory"} and "memory" in one["resources"]["limits"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_the_admin_port_that_is_open_to_them(overlay, tmp_path):
    one = container(overlay)
    assert {"name": "admin", "containerPort": 9090} in one["ports"]
    assert one["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "admin"}
    assert one["readinessProbe"]["httpGet"]["port"] == "admin"
    process = yaml.safe_load((configuration(overlay, tmp_path) / "bridge.yaml").read_text())["spec"]
    assert process["admin"] == {"listen": "0.0.0.0"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_there_is_time_to_drain(overlay):
    drain, grace = drain_s(overlay), pod(overlay)["terminationGracePeriodSeconds"]
    assert grace >= drain + 10
    if overlay == "sidecar":		# the function answers until bridge is done
        goes_on = container(overlay, "function")["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert drain < goes_on < grace


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_and_labels_meet(overlay):
    template = deployment(overlay)["spec"]["template"]
    ports = {p["name"] for c in template["spec"]["containers"] for p in c["ports"]}
    assert template["spec"]["serviceAccountName"] in [o["metadata"]["name"] for o in of_kind(overlay, "ServiceAccount")]
    for kind, at in (("Deployment", "selector"), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        for o in of_kind(overlay, kind):
            assert o["spec"][at]["matchLabels"].items() <= template["metadata"]["labels"].items()
    for o in of_kind(overlay, "Service"):
        assert o["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        assert {p["targetPort"] for p in o["spec"]["ports"]} <= ports
    for o in of_kind(overlay, "NetworkPolicy"):
        assert {p["port"] for rule in o["spec"]["ingress"] for p in rule["ports"]} <= ports


def test_keda_is_sent_to_the_scaler_and_scales_the_function():
    [scaled], [service] = of_kind("scaler", "ScaledObject"), of_kind("scaler", "Service")
    kustomization = yaml.safe_load((KUBERNETES / "overlays/scaler/kustomization.yaml").read_text())
    [trigger] = scaled["spec"]["triggers"]
    name, port = service["metadata"]["name"], service["spec"]["ports"][0]["port"]
    address = f"{name}.{kustomization['namespace']}.svc.cluster.local:{port}"
    assert (trigger["type"], trigger["metadata"]["scalerAddress"]) == ("external-push", address)
    assert all(isinstance(v, str) for v in trigger["metadata"].values()), "KEDA refuses what is not a text"
    assert scaled["spec"]["scaleTargetRef"] == {"name": deployment("sidecar")["metadata"]["name"]}
    assert "replicas" not in deployment("sidecar")["spec"], "KEDA sets it"
    assert len(scaled["metadata"]["name"]) <= 54


@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_kubernetes_takes_every_object(version):
    if not (TOOLS / "python/kubernetes_validate").exists():
        pytest.skip("kubernetes-validate is not there; run: make deploy-tools")
    files = {f for o in OVERLAYS for f in files_of(KUBERNETES / "overlays" / o)} - {KUBERNETES / KEDA_S}
    said(sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, *sorted(files),
         PYTHONPATH=str(TOOLS / "python"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kustomize_renders_it(overlay):
    program = [shutil.which("kustomize"), "build"] if shutil.which("kustomize") else [shutil.which("kubectl"), "kustomize"]
    if not program[0]:
        pytest.skip("neither kustomize nor kubectl is installed")
    made = list(yaml.safe_load_all(said(*program, KUBERNETES / "overlays" / overlay)))
    assert sorted((o["kind"], o["metadata"]["name"]) for o in made) == sorted(
        (o["kind"], o["metadata"]["name"]) for o in objects(overlay))
    assert {o["metadata"]["namespace"] for o in made} == {"functions"}
    images = [c["image"] for o in made if o["kind"] == "Deployment" for c in o["spec"]["template"]["spec"]["containers"]]
    assert f"bridge:{run('version').stdout.split()[1]}" in images


# -- Prometheus and Grafana


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [p for p in json.loads(DASHBOARD.read_text())["panels"] if p["type"] != "row"]


def expressions() -> list[str]:
    variables = [v["definition"] for v in json.loads(DASHBOARD.read_text())["templating"]["list"] if v["type"] == "query"]
    return [rule["expr"] for rule in alerts()] + [t["expr"] for p in panels() for t in p["targets"]] + variables


@pytest.fixture
def page(kafka, function, read, ledger) -> str:
    """/metrics of a bridge whose lag is known."""
    topic = kafka.create(partitions=1)
    ledger.produce(kafka, topic, 1)
    b = read(topic)
    ledger.wait(function)
    eventually(lambda: b.metrics().lag(topic, 0) == 0, 30, "the lag is known")
    return b.metrics_text()


def test_alerts_and_dashboard_name_what_bridge_exports(page):
    samples = Metrics(page).samples
    names = {s.name for s in samples}
    used = {name for e in expressions() for name in re.findall(r"\bbridge_\w+", e)}
    assert used - names == set()
    assert len(used) > 30
    labels = {label for s in samples for label in s.labels} | ADDED_BY_PROMETHEUS
    for e in expressions():
        by = [w.strip() for words in re.findall(r"\b(?:by|on) \(([^)]*)\)", e) for w in words.split(",")]
        matched = re.findall(r"(\w+)=~?\"", e)
        assert set(by + matched) <= labels, e
    for rule in alerts():
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= labels


def test_each_alert_says_what_to_do_and_has_a_test():
    tested = {case["alertname"] for test in yaml.safe_load(RULES_TESTS.read_text())["tests"]
              for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert {rule["alert"] for rule in alerts()} == tested
    for rule in alerts():
        assert rule["annotations"].keys() == {"summary", "action"} and rule["labels"]["severity"] in ("critical", "warning")


def test_promtool_takes_the_alerts_and_they_fire_when_they_should():
    promtool = tool("promtool")
    said(promtool, "check", "rules", RULES)
    said(promtool, "test", "rules", RULES_TESTS)


def test_promtool_takes_the_dashboard_s_expressions(tmp_path):
    promtool = tool("promtool")
    found = [t["expr"].replace("$__rate_interval", "5m").replace("$__range", "1h") for p in panels() for t in p["targets"]]
    rules = [{"record": f"panel:{i}", "expr": e} for i, e in enumerate(found)]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    said(promtool, "check", "rules", "--lint=none", tmp_path / "rules.yaml")


def test_the_dashboard_is_laid_out():
    document = json.loads(DASHBOARD.read_text())
    taken: set[tuple[int, int]] = set()
    for p in document["panels"]:
        at = p["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24 and not cells & taken, f"{p['title']} overlaps"
        taken |= cells
    numbers = [p["id"] for p in document["panels"]]
    assert len(numbers) == len(set(numbers))
    known = {v["name"] for v in document["templating"]["list"]} | {"__rate_interval", "__range"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(document))) - {"__all"} == known
    assert all(p["datasource"]["uid"] == "${datasource}" for p in panels())


# -- systemd


def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "bridge.service"
    text = UNIT.read_text()
    assert "ExecStart=/usr/local/bin/bridge --config /etc/bridge\n" in text
    unit.write_text(text.replace("/usr/local/bin/bridge", BINARY))
    done = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", str(unit)],
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "bridge.service" in line]) == (0, [])


def test_systemd_finds_little_exposed():
    program = tool("systemd-analyze")
    if "--offline" not in said(program, "--help"):
        pytest.skip("this systemd-analyze judges no files")
    said(program, "security", "--offline=true", "--threshold=15", "--no-pager", UNIT)		# in tenths
