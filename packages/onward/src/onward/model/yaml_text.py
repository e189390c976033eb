"""YAML that people write: what it says, or why it cannot be read."""

from typing import Any

import yaml


class NotYaml(ValueError):
    """It cannot be read. Its text may quote a line of the file; ``where`` does not."""

    def __init__(self, words: str, where: str) -> None:
        super().__init__(words)
        self.where = where


def read_yaml(text: str) -> Any:
    """The data that the text is. Raises NotYaml, whatever PyYAML stumbles over."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotYaml(str(error), f"line {mark.line + 1}" if mark is not None else type(error).__name__) from None
    except RecursionError:
        raise NotYaml("it is nested too deeply", "nested too deeply") from None
    except Exception as error:
        # PyYAML lets through what its constructors stumble over: impossible dates, a !!bool that is none.
        raise NotYaml(f"a value is not what it looks like: {error}", "a value is not what it looks like") from None
