"""Whoever has a role at a real Keystone is let in to the page, and nobody else."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from served import Person, Served

from onward.actions.identity_secrets import IdentitySecrets
from onward.actions.identity_service import ADMINISTRATOR, make_administrator, running_identity
from onward.catalog.load import forward_recipe, in_force
from onward.hosts.state import Directories

if TYPE_CHECKING:
    from conftest import Rehearsal

pytestmark = [pytest.mark.environments, pytest.mark.full, pytest.mark.timeout(900)]
SERIES = "2025.2"


def test_a_role_at_a_keystone_lets_in(
    begin: Callable[..., "Rehearsal"], directories: Directories, tmp_path: Path
) -> None:
    made = begin(SERIES, "2026.1")
    made.do("scratch", "configure")
    context = made._context("seed", made.said.append)
    make_administrator(context, SERIES, ADMINISTRATOR, tuple(in_force(forward_recipe("keystone").bootstrap, SERIES)))
    password = IdentitySecrets(context.workspace).value(ADMINISTRATOR)
    with running_identity(context, SERIES, ADMINISTRATOR) as running:
        url = running.api.url
        page = Served(directories, tmp_path, "--keystone", url).begin()
        try:
            person = Person(page)
            wrong = [
                ("admin", "wrong", "Default"),
                ("nobody", password, "Default"),
                ("admin", password, "Other"),
                ("", "", ""),
            ]
            for name, said, domain in wrong:
                refused = person.send("/login", "/login", name=name, password=said, domain=domain)
                assert refused.status_code == 403
                assert "does not know" in refused.text
                assert person.get("/").status_code == 303
            # There is no token where a Keystone says who may come in.
            assert not page.token_file.exists()
            assert person.send("/login", "/login", token="").status_code == 403
            assert person.send("/login", "/login", name="admin", password=password, domain="Default").status_code == 303
            assert "admin@Default" in person.get("/").text
        finally:
            page.end()
        other = Served(directories, tmp_path, "--keystone", url, "--role", "cloud-operator").begin()
        try:
            lacking = Person(other).send("/login", "/login", name="admin", password=password, domain="Default")
            assert (lacking.status_code, "lack the role cloud-operator" in lacking.text) == (403, True)
        finally:
            other.end()
        kept = [path for path in (directories.state / "web").rglob("*") if path.is_file()]
        assert kept
        assert not [path for path in kept if password.encode() in path.read_bytes()]
    gone = Served(directories, tmp_path, "--keystone", url).begin()
    try:
        silent = Person(gone).send("/login", "/login", name="admin", password=password, domain="Default")
        assert (silent.status_code, "does not answer" in silent.text) == (403, True)
        assert password not in gone.log.read_text()
    finally:
        gone.end()
