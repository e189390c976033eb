"""Which interpreter and which constraints every series on the way gets."""

from onward.catalog.load import recipe
from onward.catalog.series import Series
from onward.hosts.constraints import resolve
from onward.hosts.interpreters import Interpreter, choose
from onward.hosts.state import Directories
from onward.plan.forward import EnvironmentChoice
from onward.survey.options import EnvironmentWish


def choose_environments(
    directories: Directories,
    service: str,
    path: tuple[Series, ...],
    interpreters: tuple[Interpreter, ...],
    wish: EnvironmentWish,
) -> dict[str, EnvironmentChoice]:
    """Return one choice for each series of the path.

    Raises InterpreterMissing for the first series without one, ConstraintsUnavailable.
    """
    chosen = {series.id: choose(series, interpreters) for series in path}
    return {
        series.id: EnvironmentChoice(
            series=series.id,
            version=series.newest(recipe(service).service).version,
            python=str(chosen[series.id].path),
            python_version=chosen[series.id].version,
            constraints=resolve(wish.constraints, series, directories),
            also=wish.also.get(service, ()),
        )
        for series in path
    }
