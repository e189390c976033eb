#!/usr/bin/env bash
# Brings a bare Debian 12 to the point where `uv run` works: apt packages where it may (as root), then uv from the
# package index into .tools/. Says what is missing where it may not install it. Prints uv's path as its last line.
# With the argument `test` it also installs the servers that the test suite starts.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

wanted=()
need() { # need COMMAND-OR-FILE PACKAGE
    if [[ $1 == /* ]]; then [[ -e $1 ]] || wanted+=("$2"); else command -v "$1" >/dev/null || wanted+=("$2"); fi
}
need python3 python3
need git git
python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
# Some of the services' dependencies are compiled where the index has no wheel for the interpreter.
need gcc gcc
need /usr/include/stdio.h libc6-dev
if [[ ${1:-} == test ]]; then
    need /usr/sbin/mariadbd mariadb-server-core
    need mariadb-dump mariadb-client
    need /usr/lib/galera/libgalera_smm.so galera-4
    need zstd zstd
    need faketime faketime
    need /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
    need memcached memcached
    need haproxy haproxy
    # The server and its modules alone; nothing that Debian would start.
    need /usr/sbin/apache2 apache2-bin
    need /usr/lib/apache2/modules/mod_wsgi.so libapache2-mod-wsgi-py3
    need /usr/lib/apache2/modules/mod_auth_mellon.so libapache2-mod-auth-mellon
    need xmlsec1 xmlsec1
    # How a node that joins a Galera cluster is given a copy.
    need wsrep_sst_mariabackup mariadb-server
    need mariabackup mariadb-backup
    # The other machine of tests that deploy over SSH.
    need /usr/sbin/sshd openssh-server
    need socat socat
    # What looks at the page.
    need chromium chromium
    need /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf fonts-dejavu-core
    # The store that several controllers share.
    compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || wanted+=(postgresql)
    need /usr/sbin/logrotate logrotate
    # What runs units from images. crun does not run where control groups of both versions are mounted; runc does.
    need podman podman
    need runc runc
fi
if ((${#wanted[@]})); then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        # The tests start their own servers; those that Debian starts with a package stay off.
        policy=/usr/sbin/policy-rc.d
        if [[ ! -e $policy ]]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod 755 "$policy"
        fi
        apt-get update -q >&2
        apt-get install -y -q --no-install-recommends "${wanted[@]}" >&2
    else
        echo "missing: ${wanted[*]} - install them as root: apt-get install ${wanted[*]}" >&2
        # The demonstration does without the servers and, mostly, without a compiler; the interpreter it needs.
        python3 -c 'import ensurepip, venv' || exit 4
    fi
fi

if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
    command -v uv
    exit
fi
if [[ ! -x $root/.tools/bin/uv ]]; then
    python3 -m venv "$root/.tools" >&2
    "$root/.tools/bin/pip" install --quiet 'uv>=0.9' >&2
fi
echo "$root/.tools/bin/uv"
