"""The shipped JSON Schemas are those of the nouns, and say what the program does."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from temwatch.publish.queries import Queries
from temwatch.store.database import Database
from temwatch.wire import messages, schema_files
from temwatch.wire.messages import MessageRefused
from unit.wire.nouns import EVENTS, EXAMPLES

SHIPPED = {path.name: path.read_text("utf-8") for path in sorted(schema_files.FOLDER.glob("*.json"))}


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SHIPPED[f"{name}.json"]))


def test_the_shipped_files_are_those_of_the_nouns() -> None:
    hint = "the wire changed: run python -m temwatch.wire.schema_files, and think of those who listen"
    assert schema_files.schemas() == SHIPPED, hint


def test_writing_them_gives_the_same_bytes_and_removes_what_is_no_more(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")
    schema_files.write(tmp_path)
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == SHIPPED


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_file_is_a_schema_with_an_example_that_fits(name: str) -> None:
    stem = name.removesuffix(".json")
    jsonschema.Draft202012Validator.check_schema(json.loads(SHIPPED[name]))
    validator(stem).validate(EXAMPLES[stem])


def test_every_event_and_every_question_has_a_schema() -> None:
    questions = {f"args.{command}.json" for command in Queries(Database(Path("nowhere"))).handlers()}
    events = {f"{name}.json" for name in messages.EVENT_TYPES}
    assert questions | events <= SHIPPED.keys()


@settings(max_examples=60, deadline=None)
@given(event=EVENTS)
def test_everything_that_is_said_fits_its_schema(event: Any) -> None:
    validator(messages.event_type(event)).validate(json.loads(messages.to_json(event)))


@pytest.mark.parametrize("name", sorted(messages.EVENT_TYPES))
def test_schema_and_program_refuse_the_same(name: str) -> None:
    body = EXAMPLES[name]
    broken: list[dict[str, Any]] = [{**body, "bogus": 1}]
    for key in body:
        broken.append({k: v for k, v in body.items() if k != key})
        broken.append({**copy.deepcopy(body), key: {"of": "another type"}})
    for other in broken:
        schema_refuses = not validator(name).is_valid(other)
        try:
            messages.body_from_json(name, json.dumps(other).encode())
            refused = False
        except MessageRefused:
            refused = True
        assert refused == schema_refuses, other
