"""A reproducer holds what is needed and no secret, and a file that is none is refused before anything is run."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onward.errors import ReproducerInvalid
from onward.hosts.reproducer import read_reproducer, write_reproducer
from onward.model.reproducer import Failure, Manifest, ServiceTrial, WorkflowTrial

SERVICE = Manifest(
    onward_version="1",
    wish=ServiceTrial(service="heat", source="2025.1", target="2026.1", seed="seed.sql", constraints="as-of-release"),
    failure=Failure(step="migrate/heat/2026.1", code="OW601", what="it failed"),
)
WORKFLOW = Manifest(
    onward_version="1",
    wish=WorkflowTrial(bundle="small.yaml", model="small-ci", target="2026.1", constraints="as-of-release"),
    failure=None,
)


@pytest.mark.parametrize("manifest", [SERVICE, WORKFLOW])
def test_what_is_written_is_read_again(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "seed.sql").write_text("SELECT 1;")
    files: dict[str, Path | str] = {"seed.sql": tmp_path / "seed.sql", "plan.json": "{}", "gone.log": tmp_path / "gone"}
    bundle = write_reproducer(tmp_path / "where" / "bundle.tar.gz", manifest, files)
    assert read_reproducer(bundle, tmp_path / "out") == manifest
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.json", "plan.json", "seed.sql"]
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle.tar.gz"]


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "apply.log").write_text("it said: pass-word-1 is wrong")
    bundle = write_reproducer(
        tmp_path / "bundle.tar.gz", WORKFLOW, {"output/apply.log": tmp_path / "apply.log"}, ["pass-word-1", ""]
    )
    with tarfile.open(bundle) as archive:
        contents = [archive.extractfile(member).read() for member in archive.getmembers()]  # type: ignore[union-attr]
    assert b"it said: *** is wrong" in contents
    assert all(b"pass-word-1" not in content for content in contents)


def archive_of(path: Path, **members: bytes) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_what_is_none_is_refused_with_its_code(
    tmp_path: Path, onward: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    none = tmp_path / "none.tar.gz"
    none.write_text("no tar")
    for wrong in (none, tmp_path / "missing", archive_of(tmp_path / "a.tar.gz", other=b"{}")):
        called = onward("ci", "reproduce", wrong)
        assert called.status == 4
        assert "OW114" in called.err
    with pytest.raises(ReproducerInvalid) as refused:
        read_reproducer(archive_of(tmp_path / "b.tar.gz", **{"manifest.json": b'{"format": 2}'}), tmp_path / "out")
    assert "manifest.json" in refused.value.evidence


def test_nothing_is_unpacked_outside(tmp_path: Path) -> None:
    text = SERVICE.model_dump_json().encode()
    bundle = archive_of(tmp_path / "c.tar.gz", **{"manifest.json": text, "..__outside": b"x"})
    with pytest.raises(ReproducerInvalid):
        read_reproducer(bundle, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "outside").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--seed", "heat"), "OW105"),
        (("heat", "--seed", "nova=/dev/null"), "OW105"),
    ],
)
def test_what_is_not_understood_is_refused(onward: Callable[..., Any], words: tuple[str, ...], code: str) -> None:
    called = onward("ci", "services", "--from", "2025.1", "--to", "2026.1", *words)
    assert called.status == 4
    assert code in called.err


def test_a_service_that_cannot_be_tried_has_its_code_in_the_table(onward: Callable[..., Any], tmp_path: Path) -> None:
    called = onward("ci", "services", "heat", "--from", "2026.1", "--to", "2025.1", "-f", "value", "-c", "Result")
    assert called.status == 1
    assert called.out.strip() == "OW102 at survey"
