"""The report's schema: round trips, and what is refused in one line."""

from __future__ import annotations

import json

import pytest

from harness.evidence.schema import Report, decode, encode, json_schema
from harness.tests import reports


@pytest.fixture(scope="module")
def full() -> Report:
    return reports.report(*reports.every_kind())


def test_schema_round_trip_and_validation(full: Report) -> None:
    import jsonschema

    data = encode(full)
    assert decode(data) == full
    assert encode(decode(data)) == data
    jsonschema.Draft202012Validator(json.loads(json_schema())).validate(json.loads(data))


def test_every_field_is_required_or_has_a_default_in_the_schema(full: Report) -> None:
    import jsonschema

    document = json.loads(encode(full))
    del document["claims"][0]["verdict"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(json_schema()))


@pytest.mark.parametrize(
    "data, named",
    [
        (b"", "schema 2"),
        (b"{}", "missing required field"),
        (b"[1]", "object"),
        (b'{"schema": 2', "schema 2"),
        (b"\xff", "schema 2"),
    ],
)
def test_decode_refuses_in_one_line(data: bytes, named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        decode(data)
    assert "\n" not in str(caught.value)


def test_decode_refuses_another_schema_in_one_line(full: Report) -> None:
    other = encode(full).replace(b'"schema": 2', b'"schema": 7')
    with pytest.raises(ValueError, match="schema 7, this version reads 2") as caught:
        decode(other)
    assert "\n" not in str(caught.value)


def test_a_report_of_the_first_schema_is_read_with_its_counter_claims() -> None:
    ours = reports.claim("ours", paper="OVERCLAIM")
    first = json.loads(encode(reports.report(reports.claim(), ours)))
    first["schema"] = 1
    for entry in (*first["claims"], *first["collected"]):
        entry.pop("kind"), entry.pop("changed", None)
    read = decode(json.dumps(first).encode())
    assert read.schema == 2
    assert [claim.kind for claim in read.claims] == ["statement", "counter"]
    assert [item.kind for item in read.collected] == ["statement", "counter", "statement"]
    assert decode(encode(read)) == read


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    drawn = reports.curve(x=(float("inf"),), y=((1.0,),))
    with pytest.raises(ValueError, match="x"):
        encode(reports.report(reports.claim(figures=(drawn,))))
