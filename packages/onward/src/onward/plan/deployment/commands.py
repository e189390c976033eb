"""Commands of a service that are run with the configuration of an application's first unit: their steps' arguments."""

from collections.abc import Iterable

from pydantic import JsonValue

from onward.catalog.service import Command
from onward.plan.deployment.containers import contained_commands
from onward.plan.deployment.words import Words


def command_arguments(
    words: Words, commands: Iterable[Command], series: str, environment: str, purpose: str = "commands"
) -> dict[str, JsonValue]:
    """Where and how they are run; ``words`` are the application's, ``environment`` is the step that builds it.

    ``purpose`` tells them from others of the same unit that may be run at the same time, in containers.
    """
    charm, first = words.charm, words.unit_names[0]
    directory = words.site.unit_directory(first)
    return {
        "service": charm.service,
        "series": series,
        "environment": environment,
        **_contained(words, first, purpose),
        "configuration": next((str(directory / each.path) for each in charm.files if each.options), None),
        "commands": [
            command.model_copy(update={"argv": tuple(words.fill(word, first) for word in command.argv)}).model_dump(
                mode="json", exclude_defaults=True
            )
            for command in commands
        ],
    }


def _contained(words: Words, unit: str, purpose: str) -> dict[str, JsonValue]:
    if words.application not in words.site.images:
        return {}
    return {"contained": contained_commands(words, unit, purpose).model_dump(mode="json")}


def command_variables(words: Words) -> dict[str, JsonValue]:
    """Environment variables of the commands that make a schema, or take it to another release."""
    first = words.unit_names[0]
    return {name: words.fill(text, first) for name, text in words.charm.initial_variables.items()}
