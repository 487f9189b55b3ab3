"""What is sent: where header values come from, and that nothing is added or replaced behind the user's back."""

import pytest

from load.clients import prepared
from load.spec import RequestSpec, in_order


def sent(environment: dict[str, str] | None = None, **changes: object) -> list[str]:
    """The lines of a request's head, and its body."""
    spec = RequestSpec(**{"name": "x", "path": "/x", **changes})  # type: ignore[arg-type]
    return prepared(spec, "http://127.0.0.1:8000", environment or {}).plain.decode("latin-1").split("\r\n")


def test_header_values_come_from_the_environment_and_a_dollar_can_be_meant() -> None:
    lines = sent({"TOKEN": "abc"}, headers={"Authorization": "Bearer $TOKEN", "Price": "5$$"})
    assert "Authorization: Bearer abc" in lines
    assert "Price: 5$" in lines


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(KeyError, match="TOKEN"):
        sent(headers={"A": "$TOKEN"})


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "Content-type", "CONTENT-TYPE"])
def test_a_header_is_the_user_s_however_it_is_spelled(name: str) -> None:
    lines = sent(method="POST", json={"a": 1}, headers={name: "application/vnd.api+json", name.swapcase(): "text/x"})
    assert [line.lower() for line in lines if line.lower().startswith("content-type")] == ["content-type: text/x"]


@pytest.mark.parametrize("name", ["Accept", "ACCEPT", "accept-encoding", "USER-AGENT"])
def test_our_own_headers_give_way_to_the_user_s(name: str) -> None:
    lines = sent(headers={name: "mine"})
    assert [line for line in lines if line.lower().startswith(f"{name.lower()}:")] == [f"{name}: mine"]


def test_a_json_body_has_its_type_and_a_text_body_has_none() -> None:
    assert "Content-Type: application/json" in sent(method="POST", json={"a": 1})
    raw = sent(method="POST", body="a=1")
    assert not [line for line in raw if line.lower().startswith("content-type")]
    assert raw[-1] == "a=1"


def test_a_body_is_sent_as_utf8_with_its_length_in_bytes() -> None:
    raw = prepared(RequestSpec(name="x", path="/", method="PUT", body="größe"), "http://127.0.0.1", {}).plain
    assert b"Content-Length: 7\r\n" in raw
    assert raw.endswith("größe".encode())


def test_a_path_is_quoted_and_its_prefix_and_query_are_kept() -> None:
    raw = prepared(RequestSpec(name="x", path="/ä?q=a%20b&r=ü"), "http://127.0.0.1:1/api", {}).plain
    assert raw.startswith(b"GET /api/%C3%A4?q=a%20b&r=%C3%BC HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")


def test_variables_are_filled_in_wherever_a_request_names_them() -> None:
    """In the path they are data, whatever they hold; a dollar can be meant."""
    environment = {"ID": "a/b?c=ü&d", "TOKEN": 'x"y', "KEY": "k"}
    spec = RequestSpec(name="x", path="/$ID?q=$$1", method="POST", json={"$KEY": [{"a": "$TOKEN$$"}, 5, None]})
    raw = prepared(spec, "http://127.0.0.1", environment).plain.decode()
    assert raw.startswith("POST /a%2Fb%3Fc%3D%C3%BC%26d?q=$1 HTTP/1.1")
    assert raw.endswith('{"k": [{"a": "x\\"y$"}, 5, null]}')
    assert spec.variables == {"ID", "KEY", "TOKEN"}
    assert sent(environment, method="POST", body="password=${TOKEN}&price=5$$")[-1] == 'password=x"y&price=5$'


@pytest.mark.parametrize("where", [{"path": "/$NOT_THERE"}, {"json": {"$NOT_THERE": 1}}, {"body": "$NOT_THERE"}])
def test_an_unset_variable_is_named_wherever_it_stands(where: dict[str, object]) -> None:
    with pytest.raises(KeyError, match="NOT_THERE"):
        sent({}, method="POST", **where)


@pytest.mark.parametrize(
    ("methods", "groups"),
    [
        ("GET GET HEAD", ["GET GET HEAD"]),
        ("GET POST GET", ["GET", "POST", "GET"]),
        ("POST POST GET GET", ["POST", "POST", "GET GET"]),
        ("GET GET DELETE OPTIONS", ["GET GET", "DELETE", "OPTIONS"]),
        ("", []),
    ],
)
def test_a_request_that_may_change_something_is_sent_alone(methods: str, groups: list[str]) -> None:
    """It waits for those before it, and those after it wait for it."""
    specs = [RequestSpec(f"{number}", "/", method) for number, method in enumerate(methods.split())]
    found = in_order(specs)
    assert [" ".join(spec.method for spec in group) for group in found] == groups
    assert [spec for group in found for spec in group] == specs
