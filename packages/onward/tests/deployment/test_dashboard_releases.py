"""Every release of Horizon takes the settings that it is given, makes its static files, and has a whole login page."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bundles import wish
from dashboards import ONE, files_of

from onward.catalog.load import series_list
from onward.hosts.environments import Environment
from onward.hosts.runner import clean_environment
from onward.plan.deployment.planner import plan_deployment

# Run in the release's environment, as a WSGI server does it, with the directory of the settings and a path.
ASKS = """
import sys
from wsgiref.util import setup_testing_defaults

sys.path.insert(0, sys.argv[1])
out = sys.stdout
from openstack_dashboard.wsgi import application

asked = {"PATH_INFO": sys.argv[2]}
setup_testing_defaults(asked)
body = b"".join(application(asked, lambda status, headers: out.write(status + "\\n")))
out.write(body.decode())
"""
COMMANDS = """
import json, sys
from django.core.management import execute_from_command_line
execute_from_command_line(json.loads(sys.argv[1]))
"""


@pytest.mark.full
@pytest.mark.environments
@pytest.mark.timeout(900)
@pytest.mark.parametrize("series", [each.id for each in series_list().path("2023.1", "2026.2")])
def test_a_release_has_a_whole_page_to_log_in_at(
    series: str, built_service: Callable[[str, str], Environment], tmp_path: Path
) -> None:
    environment = built_service("horizon", series)
    plan = plan_deployment(wish(ONE, series=series))
    settings = files_of(plan, "openstack-dashboard/0")["etc/local/local_settings.py"]
    etc, static = tmp_path / "etc", tmp_path / "static"
    (etc / "local").mkdir(parents=True)
    (etc / "local" / "__init__.py").write_text("")
    # What its own machine has: files elsewhere, and no memcached.
    cache = "django.core.cache.backends.locmem.LocMemCache"
    here = f"STATIC_ROOT = {str(static)!r}\nCACHES['default'] = {{'BACKEND': {cache!r}}}\n"
    (etc / "local" / "local_settings.py").write_text(f"{settings}\n{here}")

    def said(program: str, *words: str) -> str:
        argv = [environment.python, "-I", "-W", "ignore", "-c", program, *words]
        clean = clean_environment({"PATH": "/usr/bin:/bin"})
        done = subprocess.run(argv, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
        return done.stdout

    commands = plan.step("initialise/openstack-dashboard").model_dump()["arguments"]["commands"]
    assert [each["name"] for each in commands] == ["collectstatic", "compress"]
    for each in commands:
        planned = each["argv"][each["argv"].index("--pythonpath") + 1]
        said(COMMANDS, json.dumps([str(etc) if word == planned else word for word in each["argv"]]))
    status, _, page = said(ASKS, str(etc), "/auth/login/").partition("\n")
    assert status.startswith("200"), page
    assert 'name="csrfmiddlewaretoken"' in page
    linked = [each for each in re.findall(r'(?:href|src)="/static/([^"?]+)', page) if each.endswith((".css", ".js"))]
    assert len(linked) > 3
    assert [each for each in linked if not (static / each).is_file()] == []
    assert all((static / each).stat().st_size > 1000 for each in linked)
    for style in (static / each for each in linked if each.endswith(".css")):
        used = set(re.findall(r"""url\(["']?/static/([^"')?#]+)""", style.read_text()))
        # Those of Bootstrap are named by its own style sheet; Horizon has the icons of Font Awesome.
        own = {each for each in used if "glyphicons" not in each}
        assert own
        assert {each for each in own if not (static / each).is_file()} == set()
