"""A YAML file as a pydantic model, or one sentence that says what is wrong, where, and how to mend it."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

COMPLAINT = "complaint"
"""Type of a `PydanticCustomError` whose text already says what is wrong and how to mend it."""

_LONGEST_SHOWN = 200


class ConfigError(Exception):
    """The configuration cannot be used; its text is one sentence for the admin."""


def read_text(path: Path) -> str:
    """Read a file.

    Raises:
        ConfigError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({reason(error)}): name a readable file with --config."
        ) from error


def parse_model(model: type[Model], text: str, source: str) -> Model:
    """Read a model from YAML text; `source` names it in errors.

    Raises:
        ConfigError: it is no YAML, or says something that cannot be.
    """
    try:
        raw = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{source}, line {mark.line + 1}" if mark else source
        problem = _on_one_line(error.problem or "this is no YAML")
        raise ConfigError(f"{where}: {problem}: mend the YAML there.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: {reason(error)}: mend the YAML.") from error
    except (
        AttributeError,
        LookupError,
        TypeError,
    ) as error:  # PyYAML stumbles over what does not fit its tag
        raise ConfigError(f"{source}: a value does not fit its tag (!!...): take the tag out.") from error
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{source} holds no settings: write them as 'key: value' lines, see config.yaml.")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_sentence(source, error)) from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is given twice, which YAML forbids and PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"'{key.value}' is given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _sentence(source: str, error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False)
    first = errors[0]
    where = _on_one_line(".".join(str(part) for part in first["loc"] if part != "[key]"))
    more = f" ({len(errors) - 1} more of the kind)" if len(errors) > 1 else ""
    return f"{source}: {where}{': ' if where else ''}{_complaint(first)}{more}."


def _complaint(error: ErrorDetails) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "there is no such key, take it out or mend its name"
        case "missing":
            return "this key is missing, add it"
        case "string_type" | "path_type":
            return "it should be text, put it in quotes"
        case "string_too_short":
            return "it is empty, write something or take the key out"
        case "bool_type" | "bool_parsing":
            return "it should be true or false, change it"
        case "int_type" | "int_parsing" | "int_from_float":
            return "it should be a whole number, change it"
        case "float_type" | "float_parsing":
            return "it should be a number, change it"
        case "tuple_type" | "list_type":
            return "it should be a list, begin each entry with '- ' or write [...]"
        case "model_type" | "dict_type" | "mapping_type":
            return "it should hold keys, write them below it as 'key: value'"
        case kind if kind == COMPLAINT:
            return error["msg"]
        case _:
            said = error["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
            return f"it {said}, change it"


def _on_one_line(text: str) -> str:
    """Show what a file says where a name was expected: it may be anything, of any length."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def reason(error: Exception) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())
