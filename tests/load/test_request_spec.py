"""What is a right answer, and where header values come from."""

import pytest

from load.request_spec import RequestSpec


@pytest.mark.parametrize(
    ("spec", "status", "text", "problem"),
    [
        pytest.param({}, 200, "anything", None, id="status alone"),
        pytest.param({}, 500, "", "status 500 instead of 200", id="wrong status"),
        pytest.param({"status": 404}, 404, "", None, id="an error can be what is expected"),
        pytest.param({"contains": "ok"}, 200, "all ok", None, id="contains"),
        pytest.param({"contains": "ok"}, 200, "no", "the answer does not contain 'ok'", id="does not contain"),
        pytest.param({"pointer": "/a/1"}, 200, '{"a": [0, null]}', None, id="pointer to null is there"),
        pytest.param({"pointer": "/a/2"}, 200, '{"a": [0, 1]}', "the answer has nothing at /a/2", id="index too high"),
        pytest.param({"pointer": "/b"}, 200, '{"a": 1}', "the answer has nothing at /b", id="no such key"),
        pytest.param({"pointer": "/a"}, 200, "<html>", "the answer is not JSON", id="not JSON"),
    ],
)
def test_a_wrong_answer_is_named(spec: dict[str, object], status: int, text: str, problem: str | None) -> None:
    assert RequestSpec(name="x", path="/", **spec).problem(status, text) == problem  # type: ignore[arg-type]


def test_header_values_come_from_the_environment_and_a_dollar_can_be_meant() -> None:
    spec = RequestSpec(name="x", path="/", headers={"Authorization": "Bearer $TOKEN", "Price": "5$$"})
    headers = spec.arguments({"TOKEN": "abc"})["headers"]
    assert headers == {"Authorization": "Bearer abc", "Price": "5$"}


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(KeyError, match="TOKEN"):
        RequestSpec(name="x", path="/", headers={"A": "$TOKEN"}).arguments({})


def test_json_and_text_bodies_are_passed_on() -> None:
    assert RequestSpec(name="x", path="/", json={"a": 1}).arguments({})["json"] == {"a": 1}
    assert RequestSpec(name="x", path="/", body="raw").arguments({})["data"] == "raw"
