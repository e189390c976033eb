"""What build tools print when something is missing, and what Onward makes of it: package, reason, what to install."""

from pathlib import Path

import pytest

from onward.catalog.pins import build_faults
from onward.errors import EnvironmentBuildFailed
from onward.hosts.build_failure import build_failure, recognise

NO_HEADER = "fatal error: {}: No such file or directory"
MISSING = [
    ("netifaces==0.10.9", NO_HEADER.format("Python.h"), "the interpreter's headers are missing", "python3.8-dev"),
    ("cffi==1.11.5", NO_HEADER.format("ffi.h"), "a C header is missing (ffi.h)", "libffi-dev"),
    ("cryptography==2.1.4", NO_HEADER.format("openssl/opensslv.h"), "OpenSSL's headers are missing", "libssl-dev"),
    ("cryptography==41.0.7", "error: can't find Rust compiler", "there is no Rust compiler", "cargo"),
    (
        "psycopg2==2.8.6",
        "Error: pg_config executable not found.",
        "PostgreSQL's client library is missing",
        "libpq-dev",
    ),
    ("mysqlclient==1.4.6", "OSError: mysql_config not found", "MariaDB's client library is missing", "libmariadb-dev"),
    ("python-ldap==3.4.0", NO_HEADER.format("lber.h"), "OpenLDAP's headers are missing", "libldap-dev"),
    ("python-ldap==3.4.0", NO_HEADER.format("sasl/sasl.h"), "SASL's headers are missing", "libsasl2-dev"),
    (
        "lxml==4.2.1",
        NO_HEADER.format("libxml/xmlversion.h"),
        "the XML libraries' headers are missing",
        "libxml2-dev libxslt1-dev",
    ),
    ("pyyaml==3.12", NO_HEADER.format("yaml.h"), "a C header is missing (yaml.h)", "libyaml-dev"),
    ("pillow==5.0.0", NO_HEADER.format("zlib.h"), "a C header is missing (zlib.h)", "zlib1g-dev"),
    (
        "scrypt==0.8.20",
        "unable to execute 'x86_64-linux-gnu-gcc': No such file or directory",
        "there is no C compiler",
        "gcc",
    ),
    (
        "netifaces==0.11.0",
        "error: command '/bin/false' failed with exit code 1",
        "its C code could not be compiled (no working compiler or headers that do not fit)",
        "gcc",
    ),
]


@pytest.mark.parametrize(("package", "line", "why", "install"), MISSING, ids=[each[1][:40] for each in MISSING])
def test_what_is_missing_is_named_with_the_package_that_asks_for_it_and_the_one_that_has_it(
    package: str, line: str, why: str, install: str
) -> None:
    output = f"Resolved 92 packages\nerror: Failed to build `{package}`\n      {line}\n"
    error = build_failure("install", "keystone 25.0.0", "3.8.18", output, Path("/cache/keystone.log"))
    assert isinstance(error, EnvironmentBuildFailed)
    assert error.what == f"Could not install keystone 25.0.0 on Python 3.8.18: {package}: {why}."
    assert error.next_command == f"apt install {install}"
    assert "log: /cache/keystone.log" in error.evidence
    assert error.evidence.endswith(line)
    assert "The cloud is as it was" in error.state


def test_every_fault_with_something_to_install_is_held_by_an_example() -> None:
    shown = {fault.pattern for _, line, *_ in MISSING if (fault := recognise(line))}
    assert {fault.pattern for fault in build_faults() if fault.install} <= shown


@pytest.mark.parametrize(
    ("cause", "package"),
    [
        ("Because you require keystone==29.1.0 and keystone==1.0, we can conclude", "keystone==29.1.0"),
        (
            "Because keystone==29.1.0 depends on oslo.policy>=4.5.0 and you require oslo.policy==3.0,",
            "oslo.policy==3.0",
        ),
        ("Because there is no version of orrery==99.0 and you require orrery==99.0,", "orrery==99.0"),
        ("Because orrery was not found in the package registry and you require orrery==1.0,", "orrery"),
    ],
)
def test_versions_that_do_not_go_together_name_the_one_that_was_asked_for(cause: str, package: str) -> None:
    output = f"error: No solution found when resolving dependencies\n  cause: {cause} ..."
    error = build_failure("install", "keystone 29.1.0", "3.11.2", output, Path("/cache/keystone.log"))
    assert error.what.endswith(f": {package}: there is no version that fits.")


def test_what_is_not_known_is_shown_by_its_last_lines_with_a_way_to_go_on() -> None:
    output = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'pkg_resources'"
    error = build_failure("import", "keystone 25.0.0", "3.8.18", output, Path("/cache/keystone.log"))
    assert error.what == "Could not import keystone 25.0.0 on Python 3.8.18: pkg_resources: see the last lines."
    assert error.evidence.endswith(output)
    assert "--constraints as-of-release" in error.next_command


def test_a_package_index_out_of_reach_is_no_fault_of_a_package() -> None:
    output = "error: Failed to fetch: `http://127.0.0.1:1/simple/keystone/`\n  Caused by: Connection refused"
    error = build_failure("install", "keystone 25.0.0", "3.8.18", output, Path("/cache/keystone.log"))
    assert "the package index could not be reached" in error.what
    assert "UV_INDEX_URL" in error.next_command
