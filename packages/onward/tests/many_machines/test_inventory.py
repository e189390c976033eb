"""Inventories of Ansible are read as Ansible reads them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from onward.commands.main import run
from onward.errors import InventoryUnreadable
from onward.hosts.known_machines import recorded_machines
from onward.hosts.state import Directories
from onward.model.inventory import Inventory, InventoryInvalid, expanded, read_ini
from onward.survey.inventory import machines_in, read_inventory

INI = """\
# a comment
lonely ansible_host=10.9.9.9 ansible_user=lonely

[web]
web[01:03].example ansible_port=2222   # the front
edge.example:2200 note="two words" ports=[80,443]

[db]
db-[a:c] ansible_user=dba
n[0:9:4]

[db:vars]
ansible_become=true
size = 3
[site:children]
web
db

[site:vars]
ansible_user=site
ansible_ssh_private_key_file=~/.ssh/site
"""

YAML = """\
all:
  vars: {ansible_user: everyone, zone: one}
  hosts:
    lonely: {ansible_host: 10.9.9.9}
  children:
    web:
      hosts:
        "web[01:03].example": {ansible_port: 2222}
        secret: {token: !vault "$ANSIBLE_VAULT;1.1;AES256"}
      vars: {zone: two}
    site:
      vars: {zone: three, ansible_host: "{{ inventory_hostname }}.{{ zone }}.example"}
      children:
        web:
        empty: {}
"""


def inventory_of(directory: Path, ini: str = INI) -> Path:
    """A directory with files of both formats, and variables beside them."""
    directory.mkdir(parents=True)
    (directory / "hosts").write_text(ini)
    (directory / "more.yml").write_text("more:\n  hosts:\n    web01.example:\n    extra: {ansible_host: 10.1.1.1}\n")
    (directory / "left.cfg").write_text("not an inventory")
    (directory / "group_vars" / "web").mkdir(parents=True)
    (directory / "group_vars" / "web" / "a.yml").write_text("ansible_user: fronts\nzone: web\n")
    (directory / "group_vars" / "all.yml").write_text("zone: all\nansible_user: all\n")
    (directory / "host_vars").mkdir()
    (directory / "host_vars" / "db-b.yml").write_text("ansible_host: 10.0.0.2\nansible_become: false\n")
    (directory / "host_vars" / "extra").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    return directory


def test_ranges_stand_for_names() -> None:
    assert expanded("web[01:03].example") == ["web01.example", "web02.example", "web03.example"]
    assert expanded("r[a:b]-n[8:10]") == ["ra-n8", "ra-n9", "ra-n10", "rb-n8", "rb-n9", "rb-n10"]
    assert expanded("n[0:9:4]") == ["n0", "n4", "n8"]
    assert expanded("plain") == ["plain"]
    for wrong in ("n[9:1]", "n[a:9]", "n[01:100]"):
        with pytest.raises(InventoryInvalid):
            expanded(wrong)


def test_how_machines_are_reached_follows_from_groups_and_files(tmp_path: Path) -> None:
    machines = machines_in(read_inventory(inventory_of(tmp_path / "inventory")))
    told = {name: (str(each.address), each.sudo) for name, each in machines.items()}
    assert told == {
        "lonely": ("ssh://lonely@10.9.9.9:22", False),
        "web01.example": ("ssh://fronts@web01.example:2222", False),
        "web02.example": ("ssh://fronts@web02.example:2222", False),
        "web03.example": ("ssh://fronts@web03.example:2222", False),
        "edge.example": ("ssh://fronts@edge.example:2200", False),
        "db-a": ("ssh://dba@db-a:22", True),
        "db-b": ("ssh://dba@10.0.0.2:22", False),
        "db-c": ("ssh://dba@db-c:22", True),
        "n0": ("ssh://all@n0:22", True),
        "n4": ("ssh://all@n4:22", True),
        "n8": ("ssh://all@n8:22", True),
        "extra": ("ssh://all@10.1.1.1:22", False),
    }
    assert machines["web01.example"].groups == ("more", "site", "web")
    assert machines["db-a"].identity == str(Path.home() / ".ssh/site")
    assert machines["extra"].identity is None


def test_variables_in_variables_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(YAML)
    machines = machines_in(read_inventory(path))
    assert str(machines["web02.example"].address) == "ssh://everyone@web02.example.two.example:2222"
    assert str(machines["lonely"].address) == "ssh://everyone@10.9.9.9:22"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[web]\nhost port\n", "NAME=VALUE"),
        ("[web:things]\n", "line 1"),
        ("[web]\nn[9:1]\n", "line 2"),
        ("[web:vars]\nnothing\n", "line 2"),
        ("[a:children]\nb\n[b:children]\na\n[a]\nhost\n", "circle"),
    ],
)
def test_what_is_no_inventory_is_refused_with_the_line(text: str, says: str) -> None:
    def read() -> None:
        inventory = Inventory()
        read_ini(text, inventory)
        inventory.groups_of("host")

    with pytest.raises(InventoryInvalid, match=says):
        read()


def test_a_program_is_not_run_and_a_vault_is_not_read(tmp_path: Path) -> None:
    program = tmp_path / "inventory.py"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    program.chmod(0o755)
    with pytest.raises(InventoryUnreadable):
        read_inventory(program)
    assert not (tmp_path / "was-run").exists()
    kept = tmp_path / "hosts.yml"
    kept.write_text("all: {hosts: {web: {ansible_user: !vault 'x'}}}")
    with pytest.raises(InventoryUnreadable, match="web"):
        machines_in(read_inventory(kept))


def test_recorded_machines_are_listed_and_those_without_a_key_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state-dir", str(tmp_path / "state"), "--cache-dir", str(tmp_path / "cache")]
    assert run([*state, "hosts", "add", "--inventory", str(inventory_of(tmp_path / "inventory"))]) == 0
    said = capsys.readouterr()
    assert "recorded: 12 machines" in said.out
    assert "no key is known of 12 of them: lonely, web01.example" in said.err
    assert len(recorded_machines(Directories(tmp_path / "state", tmp_path / "cache"))) == 12
    assert run([*state, "hosts", "list", "--on", "db", "-f", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["Machine"] for row in rows] == ["db-a", "db-b", "db-c", "n0", "n4", "n8"]
    assert run([*state, "hosts", "list", "--on", "nobody"]) == 4
    assert "OW937" in capsys.readouterr().err


def test_racks_are_read_from_an_inventory_and_recorded_for_a_machine_whose_key_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = tmp_path / "hosts"
    inventory.write_text("a1 rack=a\na2 rack={{row}}{{number}} row=b number=7\na3 rack=12\na4 rack=[42]\na5\n")
    machines = machines_in(read_inventory(inventory))
    assert [machines[name].rack for name in sorted(machines)] == ["a", "b7", "12", None, None]

    directories = Directories(tmp_path / "state", tmp_path / "cache")
    state = ["--state-dir", str(directories.state), "--cache-dir", str(directories.cache)]
    assert run([*state, "hosts", "add", "--inventory", str(inventory)]) == 0
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    directories.known_hosts.write_text("".join(f"{host} {key}" for host in ("a5", "10.0.0.9")))
    assert run([*state, "hosts", "add", "ssh://a5", "--rack", "c"]) == 0
    assert run([*state, "hosts", "add", "ssh://10.0.0.9", "--rack", "d"]) == 0
    # An inventory that says no rack takes none away.
    assert run([*state, "hosts", "add", "--inventory", str(inventory)]) == 0
    found = recorded_machines(directories)
    assert (found["a5"].rack, found["10.0.0.9"].rack, found["a1"].rack) == ("c", "d", "a")
    capsys.readouterr()
    assert run([*state, "hosts", "list", "--on", "a5", "-f", "json"]) == 0
    assert [row["Rack"] for row in json.loads(capsys.readouterr().out)] == ["c"]
    with pytest.raises(SystemExit):
        run([*state, "hosts", "add", "--inventory", str(inventory), "--rack", "a"])


@pytest.mark.full
@pytest.mark.parametrize("form", ["ini", "yaml"])
def test_ansible_reads_the_same(tmp_path: Path, form: str) -> None:
    ansible = tmp_path / "ansible"
    subprocess.run([sys.executable, "-m", "uv", "venv", "-q", ansible, "--python", sys.executable], check=True)
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", ansible / "bin/python", "ansible-core"],
        check=True,
    )
    if form == "ini":
        path = inventory_of(tmp_path / "inventory")
        (path / "host_vars" / "extra").unlink()  # Ansible stops at a vault without its password.
    else:
        path = tmp_path / "hosts.yaml"
        path.write_text(YAML)
    told = subprocess.run(
        [ansible / "bin/ansible-inventory", "-i", path, "--list"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )
    theirs = json.loads(told.stdout)
    ours = read_inventory(path)
    hostvars = theirs["_meta"]["hostvars"]
    assert set(ours.hosts) >= set(hostvars)
    for name in ours.hosts:
        mine = {key: value for key, value in ours.variables_of(name).items() if key != "token"}
        expected = {key: value for key, value in hostvars.get(name, {}).items() if key != "token"}
        assert mine == expected, name
    for group, body in theirs.items():
        if group not in ("_meta", "all", "ungrouped") and "hosts" in body:
            assert set(body["hosts"]) == set(ours.groups[group].hosts), group
