"""What has to be in a deployed cloud before faults can be put into it, and the faults that are made with it.

Units whose clock can be shifted and whose network can be severed, a broker's data on a small disk, a database that is
reached by TLS.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from material.faulty_cloud import Cloud
from material.faulty_tls import Authority
from onward.model.deployment import name_in_paths

FILLER = "filler"
APIS = ("keystone", "glance", "placement", "cinder-api")
DATABASE_USERS = (*APIS, "cinder-scheduler")
PORTS = {"mariadb": 3306}
SETTLED_SECONDS = 240.0


class PreparedCloud:
    """A deployed model that can be hurt in more ways than by a signal."""

    def __init__(self, cloud: Cloud, units: dict[str, list[str]]) -> None:
        self.cloud = cloud
        self.units = units
        self.shifted = [units[name][-1] for name in APIS[:3]]
        """Units whose clock can be shifted."""
        brokers = units["rabbitmq-server"]
        self.small_disk = brokers[min(1, len(brokers) - 1)]
        """The unit whose data are on a disk of their own."""

    def prepare(self) -> None:
        """Put there what is missing; called again it changes nothing."""
        self._enable_tls()
        for unit in self.units["cinder-scheduler"]:
            if self._trust_authority(unit):
                self._begun_anew(unit, lambda: None)
        clock, network = self._library("shifted_clock"), self._library("severed_network")
        for name in APIS:
            for unit in self.units[name]:
                file = self.cloud.store.directory / "programs" / f"{name_in_paths(unit)}.conf"
                text = file.read_text()
                if "LD_PRELOAD" in text:
                    continue
                clocks = f'SHIFTED_CLOCK_FILE="{self._shift_file(unit)}",' if unit in self.shifted else ""
                libraries = f"{network}:{clock}" if clocks else str(network)
                more = f'LD_PRELOAD="{libraries}",SEVERED_NETWORK_FILE="{self._severed_file(name)}",{clocks}'
                file.write_text(text.replace("environment = ", f"environment = {more}"))
                self._trust_authority(unit)
                self._begun_anew(unit, lambda: None)
        data = self.cloud.store.unit_directory(self.small_disk) / "data"
        if not os.path.ismount(data):
            self._begun_anew(self.small_disk, lambda: _onto_small_disk(data))

    def _library(self, name: str) -> Path:
        library = self.cloud.store.directory / f"{name}.so"
        if not library.exists():
            source = Path(__file__).with_name(f"{name}.c")
            subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
        return library

    def _begun_anew(self, unit: str, between: Callable[[], None]) -> None:
        server, group = self.cloud.server(), name_in_paths(unit)
        server.reloadConfig()
        server.stopProcessGroup(group)
        server.removeProcessGroup(group)
        between()
        server.addProcessGroup(group)

    @cached_property
    def authority(self) -> Authority:
        """Who signs the database's certificate, for every address at which it is reached."""
        addresses = [*self.units["mariadb"], *(each for each in self.cloud.addresses if each.startswith("haproxy "))]
        return Authority(self.cloud.store.directory / "authority", [self.cloud.addresses[each] for each in addresses])

    def _enable_tls(self) -> None:
        """One node after the other: the cluster serves meanwhile."""
        for unit in reversed(self.units["mariadb"]):
            file = self.cloud.store.unit_directory(unit) / "etc" / "my.cnf"
            text = file.read_text()
            if "ssl-cert" in text:
                continue
            self.authority.issue()
            more = f"ssl-cert = {self.authority.certificate}\nssl-key = {self.authority.key}\n"
            file.write_text(text.replace("[mariadbd]\n", f"[mariadbd]\n{more}", 1))
            self._begun_anew(unit, lambda: None)
            deadline = time.monotonic() + SETTLED_SECONDS
            while not self.cloud.serves(unit):
                if time.monotonic() > deadline:
                    raise SystemExit(f"{unit} does not serve by TLS")
                time.sleep(0.5)

    def _trust_authority(self, unit: str) -> bool:
        """Let it connect to the database by TLS only; whether it did not before."""
        changed = False
        for file in (self.cloud.store.unit_directory(unit) / "etc").glob("*.conf"):
            text = file.read_text()
            if "?charset=utf8\n" in text:
                more = f"?charset=utf8&ssl_ca={self.authority.root}\n"
                file.write_text(text.replace("?charset=utf8\n", more))
                changed = True
        return changed

    @contextmanager
    def expired_certificate(self, units: Sequence[str]) -> Iterator[None]:
        """The database's certificate ran out yesterday."""
        self.authority.issue(expired=True)
        for unit in units:
            self.cloud.sql("FLUSH LOCAL SSL", unit=unit)
        for user in DATABASE_USERS:
            self.cloud.disconnect(user)
        try:
            yield
        finally:
            self.authority.issue()
            for unit in units:
                self.cloud.sql("FLUSH LOCAL SSL", unit=unit)

    def _severed_file(self, application: str) -> Path:
        return self.cloud.store.directory / f"{application}.severed"

    @contextmanager
    def severed(self, user: str, provider: str, way: str) -> Iterator[None]:
        """Whatever the units of one application send to another one is dropped, or refused."""
        port = PORTS[provider]
        balancers = [each for each in self.cloud.addresses if each.startswith("haproxy ")]
        places = [self.cloud.addresses[each] for each in (*self.units[provider], *balancers)]
        file = self._severed_file(user)
        partial = file.with_suffix(".partial")
        partial.write_text("".join(f"{way} {each} {port}\n" for each in places))
        partial.rename(file)
        try:
            yield
        finally:
            file.unlink()

    def _shift_file(self, unit: str) -> Path:
        return self.cloud.store.directory / f"{name_in_paths(unit)}.shifted"

    @contextmanager
    def shifted_clock(self, units: Sequence[str]) -> Iterator[None]:
        """Five minutes ahead."""
        for unit in units:
            self._shift_file(unit).touch()
        try:
            yield
        finally:
            for unit in units:
                self._shift_file(unit).unlink()

    @contextmanager
    def full_disk(self, units: Sequence[str]) -> Iterator[None]:
        """RabbitMQ takes no messages while less than 50 MB are free."""
        files = [self.cloud.store.unit_directory(unit) / "data" / FILLER for unit in units]
        for file in files:
            free = os.statvfs(file.parent)
            with file.open("wb") as out:
                os.posix_fallocate(out.fileno(), 0, max(1, free.f_bavail * free.f_frsize - 8 * 1024 * 1024))
        try:
            yield
        finally:
            for file in files:
                file.unlink()


def _onto_small_disk(data: Path) -> None:
    """Its data go on a disk in memory, of 200 MB."""
    kept = data.with_name("data.before")
    if data.exists() and not kept.exists():
        data.rename(kept)
    data.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=700", "tmpfs", data], check=True)
    shutil.copytree(kept, data, dirs_exist_ok=True, symlinks=True)
