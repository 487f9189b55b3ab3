"""How many operations of a specification get a request that it allows, as jsonschema judges.

    make experiment NAME=specifications ARGUMENTS="openapi.json ..."

Each request that `bench endpoints` would write is taken apart again: path, query, headers and body must hold all that
is required, and each value must fit its schema, formats included. Variables count as a text of twelve characters.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT4, DRAFT202012

from benchmark.discover.openapi import operations, require_openapi
from benchmark.discover.operation import JSON_TYPE, Operation
from benchmark.discover.values import resolved
from load.forms import FORM

IN_PLACE_OF_A_VARIABLE = "twelve-chars"
FORMATS = FormatChecker(formats=[])
FORMATS.checks("uuid", raises=ValueError)(lambda text: bool(UUID(text)))
FORMATS.checks("date-time", raises=ValueError)(lambda text: datetime.fromisoformat(text).tzinfo is not None)
FORMATS.checks("date", raises=ValueError)(lambda text: bool(date.fromisoformat(text)))
FORMATS.checks("email")(lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is not None)
FORMATS.checks("uri")(lambda text: bool(urlsplit(text).scheme))


class Checker:
    """Holds requests against one specification."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        is_old = str(document["openapi"]).startswith("3.0")
        self._validator: Any = Draft4Validator if is_old else Draft202012Validator
        specification = DRAFT4 if is_old else DRAFT202012
        self._registry: Any = Registry().with_resource("urn:spec", specification.create_resource(document))

    def problems(self) -> Iterator[tuple[Operation, str | None]]:
        """Each operation, and why its request does not fit; None where it does."""
        for one in operations(self._document):
            yield one, self._problem(one)

    def _problem(self, one: Operation) -> str | None:
        problem = one.problem()
        if problem or one.needs:
            return problem or f"needs {', '.join(one.needs)}"
        fitting = [path for path in self._document["paths"] if one.method.lower() in self._document["paths"][path]]
        path = max((path for path in fitting if one.template.endswith(path.partition("#")[0])), key=len)
        place = ["paths", path]
        item = self._document["paths"][path]
        operation = item[one.method.lower()]
        listed = [(["parameters", number], each) for number, each in enumerate(item.get("parameters", []))]
        own = [place, [*place, one.method.lower()]]
        listed = [([*own[0], *where], each) for where, each in listed]
        listed += [
            ([*own[1], "parameters", number], each) for number, each in enumerate(operation.get("parameters", []))
        ]
        found = [self._problem_of_parameter(one, where, resolved(each, self._document)) for where, each in listed]
        if "requestBody" in operation:
            found.append(self._problem_of_body(one, [*own[1], "requestBody"]))
        return next((each for each in found if each), None)

    def _fits(self, value: Any, place: list[Any]) -> str | None:
        """`place`: where the schema stands in the document; a `$ref` on the way is followed."""
        at = self._place(place)
        validator = self._validator({"$ref": at}, registry=self._registry, format_checker=FORMATS)
        error = next(validator.iter_errors(value), None)
        return f"{json.dumps(value)[:80]}: {error.message[:200]}" if error else None

    def _place(self, place: list[Any]) -> str:
        item: Any = self._document
        walked: list[str] = []
        for part in place:
            item = item[part]
            walked.append(str(part).replace("~", "~0").replace("/", "~1").replace("%", "%25").replace("{", "%7B"))
            while isinstance(item, dict) and isinstance(item.get("$ref"), str) and part != "schema":
                reference = item["$ref"]
                walked, item = reference.removeprefix("#/").split("/"), resolved({"$ref": reference}, self._document)
        return f"urn:spec#/{'/'.join(walked)}"

    def _problem_of_parameter(self, one: Operation, place: list[Any], parameter: Mapping[str, Any]) -> str | None:
        name, schema = parameter["name"], parameter.get("schema")
        texts = self._sent(one, parameter)
        if not texts:
            return f"{parameter['in']} {name} is missing" if parameter.get("required") is True else None
        if schema is None:
            return None
        return self._fits(self._read(texts, schema), [*place, "schema"])

    def _read(self, texts: list[str], schema: Any) -> Any:
        """The texts of a field as the app reads them."""
        kinds = self._types(schema)
        item = resolved(schema, self._document).get("items", {})
        return [typed(text, self._types(item)) for text in texts] if "array" in kinds else typed(texts[0], kinds)

    def _sent(self, one: Operation, parameter: Mapping[str, Any]) -> list[str]:
        name, place = parameter["name"], parameter["in"]
        parts = urlsplit(filled(one.path))
        if place == "query":
            return parse_qs(parts.query, keep_blank_values=True).get(name, [])
        if place == "path":
            names = re.findall(r"\{([^}]*)\}", one.template)
            pattern = re.sub(r"\\\{[^}]*\\\}", "([^/]+)", re.escape(one.template))
            match = re.fullmatch(pattern, parts.path)
            return [unquote(match.group(names.index(name) + 1))] if match else []
        texts = [filled(value) for key, value in one.headers.items() if key.lower() == name.lower()]
        return texts if place == "header" else []

    def _types(self, schema: Any) -> set[str]:
        found = resolved(schema, self._document)
        kinds = found.get("type", [])
        every = {kinds} if isinstance(kinds, str) else set(kinds)
        for key in ("anyOf", "oneOf", "allOf"):
            every |= {kind for part in found.get(key, []) for kind in self._types(part)}
        return every | {"array"} if "prefixItems" in found else every

    def _problem_of_body(self, one: Operation, place: list[Any]) -> str | None:
        asked = resolved(self._at(place), self._document)
        content = asked["content"]
        usual = JSON_TYPE if one.form is None else FORM
        sent = next((value for key, value in one.headers.items() if key.lower() == "content-type"), usual)
        kind = next((each for each in content if each.partition(";")[0].strip() == sent), next(iter(content)))
        if one.json is None and one.body is None and one.form is None:
            return "a body is missing" if asked.get("required") else None
        schema = resolved(content[kind].get("schema", {}), self._document)
        if one.form is not None:
            parts = schema.get("properties", {})
            value: Any = {}
            for name, texts in one.form.items():
                every = [filled(text) for text in ([texts] if isinstance(texts, str) else texts)]
                value[filled(name)] = self._read(every, parts.get(name, {}))
        elif one.body is not None:
            value = json.loads(filled(one.body)) if "json" in sent else filled(one.body)
        else:
            value = json.loads(filled(json.dumps(one.json)))
        return self._fits(value, [*place, "content", kind, "schema"]) if "schema" in content[kind] else None

    def _at(self, place: list[Any]) -> Any:
        item: Any = self._document
        for part in place:
            item = resolved(item[part], self._document) if isinstance(item[part], dict) else item[part]
        return item


def typed(text: str, kinds: set[str]) -> Any:
    """A text of a query as the app reads it."""
    if kinds & {"integer", "number", "boolean", "object"}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def filled(text: str) -> str:
    """A text as it is sent, with the same value for each variable."""
    template = Template(text)
    return template.substitute(dict.fromkeys(template.get_identifiers(), IN_PLACE_OF_A_VARIABLE))


def main() -> None:
    for file in sys.argv[1:]:
        document = require_openapi(json.loads(Path(file).read_text(encoding="utf-8")), file)
        problems = list(Checker(document).problems())
        right = sum(problem is None for _, problem in problems)
        print(f"{file}: {right} of {len(problems)} operations ({100 * right / max(1, len(problems)):.0f}%)")  # noqa: T201
        for one, problem in problems:
            if problem is not None:
                print(f"  {one.method} {one.path}: {problem}")  # noqa: T201


if __name__ == "__main__":
    main()
