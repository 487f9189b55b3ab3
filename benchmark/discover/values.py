"""A value that a schema of an OpenAPI specification allows: its own example, or the simplest one that fits.

Nothing is drawn at random, so that the same specification always gives the same request. Only what stands in the
document is read: a `$ref` to a file or another host leads nowhere.
"""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import unquote

from benchmark.discover.pattern import MOST_LENGTH, NoValueError, by_pattern

DEEPEST, MOST_STEPS, MOST_IN_ALL = 12, 5_000, 500_000
"""Schemas within each other; looks at parts of schemas for one value and for all: a schema can nest without end."""

MOST_ITEMS, MOST_REFERENCES, MOST_PARTS = 100, 50, 2_000
LARGEST, SMALLEST = 1e300, 1e-9
WORD = "string"
FORMATS = {
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/example",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "ipvanyaddress": "192.0.2.1",
    "byte": base64.b64encode(WORD.encode()).decode(),
    "base64": base64.b64encode(WORD.encode()).decode(),
    "json-pointer": "/example",
    "regex": "^.*$",
}
MERGED = {"properties", "patternProperties"}
Schema = Mapping[str, Any]


class Missing:
    """There is no example, which `null` is not."""


MISSING = Missing()


def resolved(item: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """What `$ref` leads to inside the document, with what stands next to it; {} where it leads nowhere."""
    beside: dict[str, Any] = {}
    for _ in range(MOST_REFERENCES):
        if not isinstance(item, dict):
            return {}
        reference = item.get("$ref")
        if not isinstance(reference, str):
            return {**item, **beside}
        beside = {**{key: value for key, value in item.items() if key != "$ref"}, **beside}
        item = _found(reference, document)
    return {}


def _found(reference: str, document: Any) -> Any:
    if not reference.startswith("#"):
        return None
    for part in unquote(reference[1:]).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list) and name.isdecimal() and len(name) < 6:  # noqa: PLR2004 - no list is longer
            document = document[int(name)] if int(name) < len(document) else None
        else:
            document = document.get(name) if isinstance(document, dict) else None
    return document


def example_of(item: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """The example of a parameter, a media type or a schema, however it is spelled; MISSING where there is none."""
    for key in ("example", "x-example"):
        if key in item:
            return item[key]
    several = item.get("examples", item.get("x-examples"))
    if isinstance(several, list) and several:
        return several[0]
    for one in several.values() if isinstance(several, dict) else ():
        found = resolved(one, document)
        if "value" in found:
            return found["value"]
    return MISSING


def usable(value: Any) -> Any:
    """An example that can be sent. NoValueError: it is too large, or nested too deep."""
    waiting, parts, characters = [(value, 0)], 0, 0
    while waiting:
        one, depth = waiting.pop()
        inner = [*one.keys(), *one.values()] if isinstance(one, dict) else one if isinstance(one, list) else ()
        parts += 1 + len(inner)
        characters += len(one) if isinstance(one, str) else 0
        if parts > MOST_PARTS or characters > MOST_LENGTH * 10 or depth > DEEPEST:
            raise NoValueError("its example is too large, or nested too deep")
        waiting += [(part, depth + 1) for part in inner]
    return value


@dataclass(frozen=True)
class Binary:
    """A file, where one can be sent, and of which type."""

    kind: str


class Maker:
    """Makes values; one that takes too many steps, or nests too deep, there is not.

    `made_up`: whether a value was made that the specification does not name. `allows_files`: a value may be a file.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.allows_files = False
        self._steps = self._steps_in_all = 0
        self.made_up = False

    def begin(self) -> None:
        """Begin the next request."""
        self._steps, self.made_up = 0, False

    def _step(self, depth: int, number: int = 1) -> None:
        self._steps += number
        self._steps_in_all += number
        if self._steps > MOST_STEPS or self._steps_in_all > MOST_IN_ALL or depth > DEEPEST:
            raise NoValueError("its schema nests without end, or is too large")

    def value(self, schema: Any, depth: int = 0) -> Any:
        """A value for a request. NoValueError: none is known."""
        self._step(depth, 1 + len(schema) if isinstance(schema, dict) else 1)
        if schema is False:
            raise NoValueError("its schema allows nothing")
        if isinstance(schema, dict) and "$ref" in schema and not isinstance(_target(schema, self._document), dict):
            raise NoValueError("its $ref leads nowhere in the specification")
        found = resolved(schema, self._document)
        if self.allows_files and (found.get("format") == "binary" or _is_binary(found)):
            return Binary(str(found.get("contentMediaType") or ""))
        given = self._given(found)
        if given is not MISSING:
            return usable(given)
        if isinstance(found.get("allOf"), list):
            return self.value(self._together(found, depth), depth + 1)
        for key in ("oneOf", "anyOf"):
            if isinstance(found.get(key), list) and found[key]:
                return self._one_of(found, key, depth)
        return self._typed(found, depth)

    def _given(self, schema: Schema) -> Any:
        """What the schema itself names: an example, the only value, the default, the first of an enumeration."""
        example = example_of(schema, self._document)
        if example is not MISSING:
            return example
        if "const" in schema:
            return schema["const"]
        if schema.get("default") not in (None, "", [], {}):
            return schema["default"]
        several = schema.get("enum")
        if isinstance(several, list) and several:
            return next((one for one in several if one is not None), None)
        return MISSING

    def _together(self, schema: Schema, depth: int) -> dict[str, Any]:
        """One schema for all parts of `allOf`."""
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            found = resolved(part, self._document)
            self._step(depth, 1 + len(found))
            whole = _merged(whole, self._together(found, depth + 1) if isinstance(found.get("allOf"), list) else found)
        return whole

    def _one_of(self, schema: Schema, key: str, depth: int) -> Any:
        rest = {name: value for name, value in schema.items() if name not in {key, "discriminator"}}
        problem = NoValueError("its schema allows nothing")
        parts = [part for part in schema[key] if resolved(part, self._document).get("type") != "null"]
        for part in parts or [{"type": "null"}]:
            try:
                value = self.value(_merged(resolved(part, self._document), rest), depth + 1)
            except NoValueError as error:
                problem = error
                continue
            if isinstance(value, dict):
                value |= _discriminated(schema.get("discriminator"), part, value)
            return value
        raise problem

    def _typed(self, schema: Schema, depth: int) -> Any:
        kind = _type(schema)
        self.made_up = self.made_up or kind not in {"object", "array"}
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer" | "number":
                return number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return text(schema)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        """What is required, and what has an example or a default; everything where nothing is required."""
        every = schema.get("properties")
        self._step(depth, len(every) if isinstance(every, dict) else 0)
        properties = {
            name: part
            for name, part in (every.items() if isinstance(every, dict) else ())
            if resolved(part, self._document).get("readOnly") is not True
        }
        required = [name for name in _listed(schema.get("required")) if isinstance(name, str)]
        read_only = (every or {}).keys() - properties.keys() if isinstance(every, dict) else set()
        made = {name: self.value(properties.get(name, {}), depth + 1) for name in required if name not in read_only}
        for name, part in properties.items():
            if name not in made and (not required or self._given(resolved(part, self._document)) is not MISSING):
                try:
                    made[name] = self.value(part, depth + 1)
                except NoValueError:
                    continue  # it may be left out
        return made | self._more(schema, made, depth)

    def _more(self, schema: Schema, made: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Properties without names of their own: as many as `minProperties` says, or one if there are no others."""
        extra = schema.get("additionalProperties", True)
        fewest = _count(schema.get("minProperties"))
        lacking = max(fewest - len(made), 1 if isinstance(extra, dict) and extra and not made else 0)
        if lacking > MOST_ITEMS or (lacking and extra is False):
            raise NoValueError(f"it needs {lacking:,} more fields")
        try:
            return {f"key{number}": self.value(extra, depth + 1) for number in range(1, lacking + 1)}
        except NoValueError:
            if fewest > len(made):
                raise
            return {}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        """As few items as it allows, but one where one is allowed."""
        fewest, most = _count(schema.get("minItems")), _count(schema.get("maxItems", MOST_ITEMS))
        if fewest > MOST_ITEMS:
            raise NoValueError(f"it needs {fewest:,} items")
        first = _listed(schema.get("prefixItems"))
        try:
            made = [self.value(part, depth + 1) for part in first]
            kind = schema.get("items", {})
            while len(made) < max(fewest, min(most, 1)) and kind is not False:
                made.append(self.value(kind, depth + 1))
        except NoValueError:
            if fewest:
                raise
            return []
        return self._told_apart(made, schema) if schema.get("uniqueItems") is True else made

    def _told_apart(self, made: list[Any], schema: Schema) -> list[Any]:
        several = _listed(resolved(schema.get("items", {}), self._document).get("enum"))
        if len(several) >= len(made):
            return list(several[: len(made)])
        if all(isinstance(one, int | float) and not isinstance(one, bool) for one in made):
            return [one + position for position, one in enumerate(made)]
        if all(isinstance(one, str) for one in made):
            return [one if not position else f"{one}{position}" for position, one in enumerate(made)]
        if len(made) > 1:
            raise NoValueError("its items must differ")
        return made


def _is_binary(schema: Schema) -> bool:
    """Whether it is a file as OpenAPI 3.1 says it."""
    return "contentMediaType" in schema and "contentEncoding" not in schema and "contentSchema" not in schema


def _target(schema: Schema, document: Mapping[str, Any]) -> Any:
    reference = schema["$ref"]
    return _found(reference, document) if isinstance(reference, str) else None


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both at once. Bounds and lists of both hold; of all else the second one's."""
    both = {**one, **other}
    for key in one.keys() & other.keys():
        left, right = one[key], other[key]
        if key in MERGED and isinstance(left, dict) and isinstance(right, dict):
            both[key] = {**left, **right}
            for name in left.keys() & right.keys():
                both[key][name] = {"allOf": [left[name], right[name]]}
        elif key == "required":
            both[key] = [*_listed(left), *(name for name in _listed(right) if name not in _listed(left))]
        elif key == "enum":
            both[key] = [value for value in _listed(left) if value in _listed(right)] or _listed(right)
        elif key == "allOf":
            both[key] = [*_listed(left), *_listed(right)]
        elif key.startswith(("min", "exclusiveMin")) and _is_number(left) and _is_number(right):
            both[key] = max(left, right)
        elif key.startswith(("max", "exclusiveMax")) and _is_number(left) and _is_number(right):
            both[key] = min(left, right)
    return both


def _discriminated(discriminator: Any, part: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """The property that says which of the schemas a value follows, where the schema itself does not fix it."""
    if not isinstance(discriminator, dict) or not isinstance(part, dict) or not isinstance(part.get("$ref"), str):
        return {}
    name, reference = discriminator.get("propertyName"), part["$ref"]
    if not isinstance(name, str) or value.get(name, WORD) != WORD:
        return {}
    mapping = discriminator.get("mapping")
    named = [key for key, to in mapping.items() if to == reference] if isinstance(mapping, dict) else []
    return {name: named[0] if named else reference.rpartition("/")[2]}


BY_KEY = {
    "object": ("properties", "additionalProperties", "required", "minProperties"),
    "array": ("items", "prefixItems", "minItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def _type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return next((name for name, keys in BY_KEY.items() if any(key in schema for key in keys)), "string")


def number(schema: Schema, *, whole: bool) -> int | float:
    """1, or a number near the bounds that is allowed."""
    low, high = _bound(schema, "minimum", "exclusiveMinimum"), _bound(schema, "maximum", "exclusiveMaximum")
    given = schema.get("multipleOf")
    step: float | None = given if _is_number(given) and given > SMALLEST else 1 if whole else None
    near = [1, *(low[0] + more for more in (0, 1) if low), *(high[0] - less for less in (0, 1) if high), 0]
    near += [(low[0] + high[0]) / 2] if low and high else []
    if step is not None:
        near = [quotient * step for one in near for quotient in (math.ceil(one / step), math.floor(one / step))]
    for value in near:
        if _within(value, low, high) and (not whole or value == int(value)):
            return int(value) if value == int(value) and abs(value) < 2**53 else value
    raise NoValueError("its bounds allow no number")


Bound = tuple[int | float, bool]
"""A number, and whether it is excluded."""


def _bound(schema: Schema, key: str, exclusive_key: str) -> Bound | None:
    """The tighter one of the bounds; before OpenAPI 3.1 the exclusive one is a flag."""
    bound, exclusive = schema.get(key), schema.get(exclusive_key)
    if exclusive is True and _is_number(bound):
        return bound, True
    if not _is_number(exclusive) or isinstance(exclusive, bool):
        return (bound, False) if _is_number(bound) else None
    if not _is_number(bound):
        return exclusive, True
    lower = key == "minimum"
    return (exclusive, True) if (exclusive >= bound if lower else exclusive <= bound) else (bound, False)


def _within(value: float, low: Bound | None, high: Bound | None) -> bool:
    above = low is None or value > low[0] or (value == low[0] and not low[1])
    return above and (high is None or value < high[0] or (value == high[0] and not high[1]))


def text(schema: Schema) -> str:
    """A text of the schema's format, or of its pattern, as long as it has to be."""
    shortest, longest = _count(schema.get("minLength")), _count(schema.get("maxLength", MOST_LENGTH))
    if shortest > min(longest, MOST_LENGTH):
        raise NoValueError(f"it needs {shortest:,} characters")
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return by_pattern(pattern, shortest, longest)
    usual = FORMATS.get(str(schema.get("format", "")).lower().replace("_", "-"), WORD)
    if schema.get("format") == "binary":
        raise NoValueError("it is a file")
    if shortest <= len(usual) <= longest:
        return usual
    return (WORD * (1 + shortest // len(WORD)))[: max(shortest, min(longest, len(WORD)))]


def _count(value: Any) -> int:
    return int(value) if _is_number(value) and value >= 0 else 0


def _is_number(value: Any) -> TypeGuard[int | float]:
    """NaN and what no float holds are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []
