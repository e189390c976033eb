"""Machines that are reached over SSH: real sshd's on loopback addresses, each with directories of its own."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from onward.hosts.user import own_name
from onward.observe.listening import accepts

SSHD = Path("/usr/sbin/sshd")
SECONDS = 30.0


@dataclass
class Machine:
    """One sshd, and what stands for the disk of its machine."""

    directory: Path
    host: str
    port: int
    options: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"ssh://{own_name()}@{self.host}:{self.port}"

    @property
    def state(self) -> Path:
        return self.directory / "disk"

    @property
    def identity(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def fingerprint(self) -> str:
        said = subprocess.run(["ssh-keygen", "-lf", self.directory / "host_key.pub"], check=True, capture_output=True)
        return said.stdout.decode().split()[1]

    def prepare(self) -> None:
        self.directory.mkdir(parents=True, mode=0o700)
        for name in ("host_key", "id_ed25519"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / name], check=True)
        (self.directory / "authorized_keys").write_text((self.directory / "id_ed25519.pub").read_text())

    def start(self, **options: str) -> None:
        """Have it listen; ``options`` are further ones of sshd_config."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        settings = {
            "Port": str(self.port),
            "ListenAddress": self.host,
            "HostKey": str(self.directory / "host_key"),
            "AuthorizedKeysFile": str(self.directory / "authorized_keys"),
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "MaxStartups": "100",
            "MaxSessions": "50",
            **options,
        }
        configuration = self.directory / "sshd_config"
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        with (self.directory / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + SECONDS
        while not accepts(self.host, self.port):
            assert self.process.poll() is None, (self.directory / "sshd.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(SECONDS)
            self.process = None

    def in_bundle(self, cache: Path, *more: str) -> str:
        """What a bundle says of it."""
        words = [
            f"address: '{self.address}'",
            f"directory: {self.state}",
            f"cache: {cache}",
            f"identity: {self.identity}",
            *more,
        ]
        return "{" + ", ".join(words) + "}"
