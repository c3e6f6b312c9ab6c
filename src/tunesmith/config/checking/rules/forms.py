"""Rules on what is made of a record before the task reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.conversions import CONVERSIONS, ROLES_HERE
from tunesmith.config.tasks import TASKS
from tunesmith.errors import Problem


@rule("task.name", "data")
def _template(task: str, data: Mapping[str, Any]) -> Problem | None:
    source = data.get("template")
    if source is None:
        return None
    if TASKS[task].takes_words:
        return Problem("data.template", f"writes texts, and task={task} takes lists of words", source, "Leave it out")
    if data.get("messages_column") is not None:
        hint = "Set one of the two to null"
        return Problem("data.template", "writes a text, and data.messages_column has the whole input", source, hint)
    from tunesmith.config.text_template import MisreadTemplateError, read_template  # with Jinja

    try:
        columns = read_template(source).columns
    except MisreadTemplateError as error:
        return Problem("data.template", "cannot be read as a Jinja template", source, str(error))
    for key in TASKS[task].columns[1:]:
        if data.get(key) in columns:
            hint = "Leave it out of the template: an answer that stands in the text is copied, and not learned"
            return Problem("data.template", f"names the column of data.{key}", str(data[key]), hint)
    return None


@rule("task.name", "data")
def _convert(task: str, data: Mapping[str, Any]) -> Problem | None:
    name = data.get("convert")
    if name is None:
        return next((_alone(key, data[key]) for key in ("columns", "roles", "system") if data.get(key)), None)
    if TASKS[task].output != "text":
        hint = "It goes with task=language_modeling or task=text_to_text"
        return Problem("data.convert", f"has no effect with task={task}", name, hint)
    for key in ("template", "messages_column", "target_column"):
        if data.get(key) is not None:
            hint = "Leave it out; data.columns names the columns of the format"
            return Problem(f"data.{key}", "has no effect with data.convert", str(data[key]), hint)
    if data.get("system") and not TASKS[task].divides:
        hint = "Use task=language_modeling, or write it into data.template"
        return Problem("data.system", f"has no effect with task={task}", data["system"], hint)
    return _names_of_the_format(name, data["columns"], data["roles"])


def _alone(key: str, value: Any) -> Problem:
    hint = "Add data.convert=messages, with data.columns.messages=NAME in place of data.messages_column"
    return Problem(f"data.{key}", "has no effect without data.convert", str(value), hint)


def _names_of_the_format(name: str, columns: Mapping[str, str], roles: Mapping[str, str]) -> Problem | None:
    conversion = CONVERSIONS[name]
    unknown = next((key for key in columns if key not in conversion.names), None)
    if unknown is not None:
        hint = f"Its names are {', '.join(conversion.names)}"
        return Problem(f"data.columns.{unknown}", f"is no name of data.convert={name}", columns[unknown], hint)
    if roles and not conversion.turn:
        return Problem("data.roles", f"has no effect with data.convert={name}", str(dict(roles)), "Leave it out")
    other = next((role for role in roles if roles[role] not in ROLES_HERE), None)
    if other is not None:
        rule_text = f"must be one of {', '.join(ROLES_HERE)}"
        return Problem(f"data.roles.{other}", rule_text, roles[other], "Say what the role is here")
    return None
