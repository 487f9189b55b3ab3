"""What an openapi.json says of each operation becomes a request that it allows, with a variable for each login."""

import json
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends, FastAPI, Form, Header, Path, Query, UploadFile
from fastapi.security import APIKeyCookie, APIKeyHeader, APIKeyQuery, HTTPBasic, HTTPBearer, OAuth2PasswordBearer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field

from benchmark.discover.openapi import operations, require_openapi
from benchmark.discover.operation import Operation
from benchmark.errors import UsageError
from experiments.specifications import Checker


class Kind(StrEnum):
    """One of a few."""

    SMALL = "small"
    LARGE = "large"


class Row(BaseModel):
    """What the operations take and give."""

    name: str = Field(min_length=3, max_length=20)
    kind: Kind
    number: Annotated[int, Field(ge=10, multiple_of=4)]
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3}$")]
    at: AwareDatetime
    owner: UUID | None
    inner: list["Row"] = Field(default_factory=list)


class Login(BaseModel):
    """A form."""

    username: str
    password: str
    scopes: list[str] = Field(default_factory=list)


def specification() -> dict[str, Any]:
    app, router = FastAPI(), APIRouter(prefix="/rows")

    @router.get("")
    def list_rows(limit: int = 10, after: str | None = None) -> list[Row]:
        raise NotImplementedError(limit, after)

    @router.get("/{number}")
    def read_row(number: Annotated[int, Path(ge=3)]) -> Row:
        raise NotImplementedError(number)

    @router.post("", status_code=201)
    def add_row(row: Row) -> Row:
        return row

    @router.get("/search/{owner}")
    def search(
        owner: UUID,
        words: Annotated[list[str], Query(examples=[["a b", "c"]])],
        x_kind: Annotated[Kind, Header()],
        at: AwareDatetime,
    ) -> list[Row]:
        raise NotImplementedError(owner, words, x_kind, at)

    @router.post("/upload")
    def upload(files: list[UploadFile], title: Annotated[str, Form(examples=["@ada"])]) -> None:
        raise NotImplementedError(files, title)

    @router.delete("/{number}", status_code=204, dependencies=[Depends(HTTPBearer())])
    def remove(number: int) -> None: ...

    app.include_router(router)
    whole = app.openapi()
    add_bodies(whole)
    return whole


def add_bodies(whole: dict[str, Any]) -> None:
    """What is sent in other ways than FastAPI describes."""
    whole["components"]["schemas"]["Login"] = Login.model_json_schema()
    for name, kind in {"login": "application/x-www-form-urlencoded", "photo": "multipart/form-data"}.items():
        schema: dict[str, Any] = {"$ref": "#/components/schemas/Login"}
        media: dict[str, Any] = {"schema": schema}
        if name == "photo":
            picture = {"picture": {"type": "string", "format": "binary"}}
            schema = {"allOf": [schema, {"type": "object", "required": ["picture"], "properties": picture}]}
            media = {"schema": schema, "encoding": {"picture": {"contentType": "image/png, image/jpeg"}}}
        content = {kind: media}
        whole["paths"][f"/rows/{name}"] = {
            "post": {"operationId": f"{name}_rows_{name}_post", "requestBody": {"content": content, "required": True}}
        }
    binary = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
    whole["paths"]["/picture"] = {"put": {"operationId": "picture_picture_put", "requestBody": {"content": binary}}}


def named(document: dict[str, Any]) -> dict[str, Operation]:
    return {one.name: one for one in operations(document)}


def test_fastapi_s_own_specification() -> None:
    found = named(specification())
    assert found["list_rows"].table() == {"path": "/rows?limit=10"}
    assert found["read_row"].table() == {"path": "/rows/3"}
    assert found["add_row"].json == {
        "name": "string",
        "kind": "small",
        "number": 12,
        "code": "AA-111",
        "at": "2026-01-31T12:00:00Z",
        "owner": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    }
    assert found["add_row"].status == 201
    search = found["search"]
    assert search.path == (
        "/rows/search/3fa85f64-5717-4562-b3fc-2c963f66afa6?words=a%20b&words=c&at=2026-01-31T12:00:00Z"
    )
    assert search.headers == {"x-kind": "small"}
    assert found["login"].table()["form"] == {"username": "string", "password": "$PASSWORD"}
    assert found["photo"].table() == {
        "method": "POST",
        "path": "/rows/photo",
        "form": {"username": "string", "password": "$PASSWORD", "picture": "@picture.png"},
    }
    assert found["photo"].needs == ("the file picture.png next to benchmark.toml",)
    assert found["picture"].table() == {"method": "PUT", "path": "/picture", "file": "body.png"}
    assert found["upload"].table()["form"] == {"files": "@files.bin", "title": "@@ada"}
    assert found["remove"].headers == {"Authorization": "Bearer $TOKEN"}
    assert found["remove"].status == 204
    assert found["upload"].needs == ("the file files.bin next to benchmark.toml",)
    assert [name for name, one in found.items() if one.is_ready] == ["list_rows", "read_row", "search"]


def test_every_request_without_a_file_is_one_that_the_specification_allows() -> None:
    problems = {one.name: problem for one, problem in Checker(specification()).problems() if problem}
    assert all(problem.startswith("needs the file") for problem in problems.values()), problems
    assert set(problems) == {"upload", "photo", "picture"}


PET = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
CAT = {
    "allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["lives"], "properties": {"lives": {"minimum": 9}}}]
}
DOG = {
    "allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["bark"], "properties": {"bark": {"type": "boolean"}}}]
}
EITHER = {
    "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
    "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/components/schemas/Cat"}},
}
OTHERS: dict[str, Any] = {
    "either": EITHER,
    "exclusive": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True},
    "nullable": {"type": "string", "nullable": True, "enum": [None, "a"]},
    "different": {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "integer"}},
    "map": {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}, "minProperties": 2},
    "read only": {
        "type": "object",
        "required": ["email"],
        "properties": {"id": {"type": "string", "readOnly": True}, "email": {"format": "email", "type": "string"}},
    },
    "grid": {"type": "integer", "minimum": 7, "multipleOf": 5},
    "long": {"type": "string", "minLength": 30, "pattern": "^[a-z]+$"},
    "both": {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 5, "minimum": 1}]},
    "whatever": {},
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_of_openapi_3_0_fits_its_schema(name: str, kind: str) -> None:
    schema = OTHERS[name]
    if kind != "application/json":
        schema = {"type": "object", "required": ["field"], "properties": {"field": schema}}
    body = {"required": True, "content": {kind: {"schema": schema}}}
    schemas = {"Pet": PET, "Cat": CAT, "Dog": DOG}
    whole = {
        "openapi": "3.0.3",
        "paths": {"/a": {"post": {"requestBody": body, "responses": {"201": {}}}}},
        "components": {"schemas": schemas},
    }
    assert [problem for _, problem in Checker(whole).problems()] == [None]


def test_a_discriminator_names_the_schema_that_was_chosen() -> None:
    body = {"content": {"application/json": {"schema": EITHER}}}
    whole = {
        "paths": {"/a": {"post": {"requestBody": body}}},
        "components": {"schemas": {"Pet": PET, "Cat": CAT, "Dog": DOG}},
    }
    assert operations(whole)[0].json == {"kind": "cat", "lives": 9}


def test_the_same_specification_gives_the_same_requests() -> None:
    assert operations(specification()) == operations(json.loads(json.dumps(specification())))


def secured(*schemes: Any) -> list[Operation]:
    app = FastAPI()
    for number, scheme in enumerate(schemes):
        app.get(f"/{number}", dependencies=[Depends(scheme)])(lambda: None)
    return list(operations(app.openapi()))


@pytest.mark.parametrize(
    ("scheme", "headers", "query"),
    [
        (HTTPBearer(), {"Authorization": "Bearer $TOKEN"}, ""),
        (OAuth2PasswordBearer("token"), {"Authorization": "Bearer $TOKEN"}, ""),
        (HTTPBasic(), {"Authorization": "Basic $BASIC_LOGIN"}, ""),
        (APIKeyHeader(name="X-Key"), {"X-Key": "$API_KEY"}, ""),
        (APIKeyQuery(name="key"), {}, "?key=$API_KEY"),
        (APIKeyCookie(name="sid"), {"Cookie": "sid=$API_KEY"}, ""),
    ],
)
def test_a_login_becomes_a_variable(scheme: Any, headers: dict[str, str], query: str) -> None:
    (found,) = secured(scheme)
    assert (found.headers, found.path, found.needs) == (headers, f"/0{query}", ())
    assert found.problem() is None


def test_several_logins_of_a_kind_have_variables_of_their_own() -> None:
    found = secured(APIKeyHeader(name="X-One", scheme_name="one"), APIKeyHeader(name="X-Two", scheme_name="two"))
    assert [one.headers for one in found] == [{"X-One": "$API_KEY_ONE"}, {"X-Two": "$API_KEY_TWO"}]


def document(operation: dict[str, Any], path: str = "/a", **others: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "paths": {path: {"get": operation}}, **others}


def asked(*parameters: dict[str, Any], **others: Any) -> Operation:
    (found,) = operations(document({"parameters": list(parameters)}, **others))
    return found


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ({"example": "x y"}, "q=x%20y"),
        ({"examples": {"first": {"value": 7}, "second": {"value": 8}}}, "q=7"),
        ({"x-example": "z"}, "q=z"),
        ({"schema": {"default": 5}}, "q=5"),
        ({"schema": {"example": "s"}}, "q=s"),
        ({"required": True, "schema": {"enum": ["b", "a"]}}, "q=b"),
        ({"required": True, "schema": {"type": "array", "items": {"type": "integer"}}}, "q=1"),
        ({"explode": False, "example": ["a", "b"]}, "q=a,b"),
        ({"style": "deepObject", "example": {"k": 1}}, "q%5Bk%5D=1"),
        ({"required": True, "schema": {"type": "boolean"}}, "q=true"),
        ({"content": {"application/json": {"example": {"a": 1}}}, "required": True}, "q=%7B%22a%22:%201%7D"),
        ({"schema": {"type": "string"}}, ""),
        ({"schema": {"default": None}}, ""),
        ({"required": True, "schema": {"type": "string", "format": "date"}}, "q=2026-01-31"),
    ],
)
def test_a_parameter_has_its_example_its_default_or_what_its_schema_allows(parameter: Any, query: str) -> None:
    assert asked({"in": "query", "name": "q", **parameter}).path == (f"/a?{query}" if query else "/a")


def test_what_cannot_be_made_up_is_said() -> None:
    needs = {"in": "query", "name": "q", "required": True, "schema": {"pattern": "^(?=.*x).*$"}}
    assert asked(needs).needs == ("query q (no text is known for its pattern ^(?=.*x).*$)",)
    assert not asked(needs).is_ready


def test_a_secret_in_a_field_is_a_variable_and_a_dollar_is_none() -> None:
    found = asked(
        {"in": "query", "name": "token", "required": True, "schema": {}},
        {"in": "header", "name": "X-Note", "required": True, "example": "costs $HOME or ${PATH}"},
        {"in": "query", "name": "q", "example": "$HOME"},
    )
    assert found.path == "/a?token=$TOKEN&q=%24HOME"
    assert found.headers == {"X-Note": "costs $$HOME or $${PATH}"}
    assert found.endpoint().variables == ("TOKEN",)


def test_no_specification_chooses_a_variable_that_a_shell_has_anyway() -> None:
    parameters = [
        {"in": "query", "name": name, "required": True} for name in ("pwd", "aws_secret", "HOME", "db_password")
    ]
    scheme = {"type": "apiKey", "in": "header", "name": "AWS-Secret-Access-Key"}
    found = asked(*parameters, security=[{"it": []}], components={"securitySchemes": {"it": scheme}})
    assert found.endpoint().variables == ("API_AWS_SECRET", "API_DB_PASSWORD", "API_KEY", "API_PWD")


def test_references_are_followed_and_names_told_apart() -> None:
    page = {"in": "query", "name": "page", "required": True, "schema": {"$ref": "#/components/schemas/Number"}}
    whole = {
        "components": {"parameters": {"Page": page}, "schemas": {"Number": {"type": "integer", "minimum": 2}}},
        "paths": {
            "/a": {
                "parameters": [{"$ref": "#/components/parameters/Page"}],
                "get": {"operationId": "x", "responses": {}},
            },
            "/b": {"get": {"operationId": "x", "responses": {"default": {}, "204": {}, "200": {}}}},
            "/": {"get": {}},
        },
    }
    assert [(one.name, one.path, one.status) for one in operations(whole)] == [
        ("x", "/a?page=2", 200),
        ("x_2", "/b", 204),
        ("get", "/", 200),
    ]


@pytest.mark.parametrize(
    ("url", "base_url", "path"),
    [
        ("/api/v3", None, "/api/v3/a"),
        ("/api/v3", "http://h/api/v3", "/a"),
        ("https://h/{v}/", "https://h", "/v1/a"),
        ("https://other/v1", "https://h", "/a"),
        ("http://[", None, "/a"),
    ],
)
def test_paths_are_below_the_server_s(url: str, base_url: str | None, path: str) -> None:
    whole = document({}, servers=[{"url": url, "variables": {"v": {"default": "v1"}}}])
    assert operations(whole, base_url)[0].path == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["get", "post", "$ref", "in", "name", "schema", "type", "items", "content", "parameters", "example"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["/a", "b", "/{x}"]), JSON), JSON, JSON)
def test_a_specification_that_is_none_breaks_nothing(paths: dict[str, Any], components: Any, security: Any) -> None:
    for one in operations({"paths": paths, "components": components, "security": security}):
        assert one.path.startswith("/")
        assert one.name.isidentifier()
        one.problem()


@pytest.mark.parametrize("security", [[], [{}], None])
def test_an_operation_without_a_login_needs_none(security: Any) -> None:
    item = {"get": {"security": security} if security is not None else {}}
    (found,) = operations({"paths": {"/a": item}, "security": []})
    assert (found.needs, found.headers) == ((), {})


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        ({"swagger": "2.0", "paths": {}}, "Swagger 2"),
        ({"openapi": "4.0.0", "paths": {"/": {}}}, "3.0 and 3.1"),
        ({"openapi": "3.1.0", "paths": {}}, "no paths"),
        ({"paths": {}}, "no OpenAPI"),
        ([], "no OpenAPI"),
        ({"openapi": 3}, "no OpenAPI"),
    ],
)
def test_what_is_no_specification_is_refused(whole: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        require_openapi(whole, "x.json")
