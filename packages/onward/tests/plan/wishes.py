"""Hypothesis strategies for what an operator may wish."""

from hypothesis import strategies as st
from pydantic import JsonValue

from onward.plan.forward import EnvironmentChoice
from onward.plan.rehearsal import CopySource, DemoSource, DumpSource, RehearsalWish
from onward.plan.upgrade import UnitCommands, UpgradeWish

SERIES = ("queens", "rocky", "stein", "train", "ussuri", "2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2026.2")


def choices(path: tuple[str, ...]) -> dict[str, EnvironmentChoice]:
    return {
        series: EnvironmentChoice(
            series=series,
            version=f"{20 + number}.0.0",
            python="/usr/bin/python3",
            python_version="3.11.2",
            constraints={"kind": "as-of-release", "location": "", "digest": ""},
        )
        for number, series in enumerate(path)
    }


def cloud() -> dict[str, JsonValue]:
    """A cloud file as data."""
    return {"cloud": "example", "services": {"keystone": {"configuration": ["/etc/keystone/keystone.conf"]}}}


paths = st.lists(st.sampled_from(SERIES), min_size=2, max_size=len(SERIES), unique=True).map(
    lambda chosen: tuple(sorted(chosen, key=SERIES.index))
)

sources = st.one_of(
    st.builds(DemoSource, size=st.sampled_from(["demo", "small"])),
    st.builds(
        DumpSource, path=st.just("/srv/keystone.sql.gz"), size=st.integers(1, 10**12), modified=st.floats(0, 2e9)
    ),
    st.builds(
        CopySource,
        shown=st.just("mysql+pymysql://keystone:***@db/keystone"),
        configuration=st.sampled_from([(), ("/etc/keystone/keystone.conf",)]),
    ),
)


@st.composite
def rehearsal_wishes(draw: st.DrawFn) -> RehearsalWish:
    path = draw(paths)
    return RehearsalWish(
        cloud="example",
        service="keystone",
        path=path,
        source=draw(sources),
        backend=draw(st.sampled_from(["sqlite", "mariadb"])),
        environments=choices(path),
        facts={"source": path[0]},
        parallel=draw(st.integers(1, 8)),
        keep=draw(st.booleans()),
    )


@st.composite
def upgrade_wishes(draw: st.DrawFn) -> UpgradeWish:
    path = draw(paths)
    command = st.sampled_from([(), ("systemctl", "stop", "keystone")])
    units = draw(st.integers(0, 20))
    return UpgradeWish(
        cloud="example",
        service="keystone",
        path=path,
        configuration=("/etc/keystone/keystone.conf",),
        environments=choices(path),
        described=cloud(),
        units=tuple(
            UnitCommands(name=f"keystone/{number}", stop=draw(command), start=draw(command)) for number in range(units)
        ),
        facts={"source": path[0]},
    )
