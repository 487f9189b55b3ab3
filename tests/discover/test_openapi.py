"""What an openapi.json says of each operation, and what a request would lack."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Query
from fastapi.security import HTTPBearer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from benchmark.discover.openapi import Operation, operations


class Row(BaseModel):
    """What the operations take and give."""

    name: str


def specification() -> dict[str, Any]:
    app, router = FastAPI(), APIRouter(prefix="/rows")

    @router.get("")
    def list_rows(limit: int = 10) -> list[Row]:
        return [Row(name=str(limit))]

    @router.get("/{number}")
    def read_row(number: int) -> Row:
        return Row(name=str(number))

    @router.post("", status_code=201)
    def add_row(row: Row) -> Row:
        return row

    @router.get("/search")
    def search(words: Annotated[str, Query()]) -> list[Row]:
        return [Row(name=words)]

    @router.delete("/{number}", status_code=204, dependencies=[Depends(HTTPBearer())])
    def remove(number: int) -> None: ...

    app.include_router(router)
    return app.openapi()


def test_fastapi_s_own_specification() -> None:
    assert operations(specification()) == (
        Operation("list_rows", "GET", "/rows", (), 200),
        Operation("add_row", "POST", "/rows", ("a body",), 201),
        Operation("read_row", "GET", "/rows/{number}", ("path number",), 200),
        Operation("remove", "DELETE", "/rows/{number}", ("path number", "a login"), 204),
        Operation("search", "GET", "/rows/search", ("query words",), 200),
    )


def test_references_are_followed_and_names_told_apart() -> None:
    page = {"in": "query", "name": "page", "required": True}
    document = {
        "components": {"parameters": {"Page": page}},
        "paths": {
            "/a": {
                "parameters": [{"$ref": "#/components/parameters/Page"}],
                "get": {"operationId": "x", "responses": {}},
            },
            "/b": {"get": {"operationId": "x", "responses": {"default": {}, "204": {}}}},
            "/": {"get": {}},
        },
    }
    assert [(one.name, one.needs, one.status) for one in operations(document)] == [
        ("x", ("query page",), 200),
        ("x_1", (), 204),
        ("get", (), 200),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["get", "post", "$ref", "in"]), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["/a", "b", "/{x}"]), JSON), JSON)
def test_a_specification_that_is_none_breaks_nothing(paths: dict[str, Any], components: Any) -> None:
    for one in operations({"paths": paths, "components": components}):
        assert one.path.startswith("/")
        assert one.name


@pytest.mark.parametrize("security", [[], [{}], None])
def test_an_operation_without_a_login_needs_none(security: Any) -> None:
    item = {"get": {"security": security} if security is not None else {}}
    (found,) = operations({"paths": {"/a": item}, "security": []})
    assert found.needs == ()
