"""Gives generated requests ids that exist, so that they get past "not found"."""

import json
import os
import re
import urllib.request

import schemathesis

ORIGIN = os.environ["SANDBOX"]


def ask(path, body=None):
    """What the sandbox answers."""
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(ORIGIN + path, data, headers)) as answer:
        return json.load(answer)


TOKEN = ""
WORLD = ask("/sandbox/world")
TOKEN = WORLD["token"]


def create(workflow, **data):
    body = {"workflowUuid": WORLD[workflow], "data": data}
    return ask("/v1/orchestration/batches", body)["batch"]["uuid"]


# A batch that has finished and one that goes on, their runs, and uploads that are open.
BATCHES = [create("playWorkflowUuid", kind="segment", segmentUuid=WORLD["segmentUuid"])]
ask("/sandbox/advance", {"seconds": 7200})
BATCHES.append(create("playWorkflowUuid", kind="recordIds", modelUuid=WORLD["modelUuid"], ids=WORLD["recordIds"]))
ask("/sandbox/advance", {"seconds": 20})
RUNS = [run["uuid"] for run in ask("/v1/orchestration/runs/list", {"workflowUuid": WORLD["playWorkflowUuid"]})["runs"]]
UPLOADS = [ask("/v1/workspaceManagement/files/multipart/create", {"contentType": "text/csv"}) for _ in range(20)]
FILES = [ask("/v1/orchestration/batches/" + create("toolWorkflowUuid", kind="records", records=[{"a": "1"}]))["batch"]["data"]["s3Filename"]]

# Members of requests, and what the sandbox has for them.
KNOWN = {
    "workflowUuid": [WORLD["playWorkflowUuid"], WORLD["toolWorkflowUuid"]],
    "workflowUuids[]": [WORLD["playWorkflowUuid"], WORLD["toolWorkflowUuid"]],
    "releaseUuid": [WORLD["releaseUuid"]],
    "segmentUuid": [WORLD["segmentUuid"], WORLD["playSegmentUuid"]],
    "modelUuid": [WORLD["modelUuid"]],
    "changeUuid": [WORLD["changeUuid"]],
    "batchUuid": BATCHES,
    "uuids[]": BATCHES,
    "uuids": RUNS,
    "runUuids": RUNS,
}
PATHS = {
    "batches": BATCHES,
    "runs": RUNS,
    "releases": [WORLD["releaseUuid"]],
    "tools": [WORLD["toolUuid"]],
    "plays": [WORLD["playUuid"]],
    "segments": [WORLD["segmentUuid"], WORLD["playSegmentUuid"]],
}
DAYS = ["2026-01-15", "2026-01-15T12:00:00Z", "2026-02-01"]

UUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")


def one_of(choices, value):
    """Two in three well-formed ids give way to one that exists."""
    if not choices or not isinstance(value, str) or not UUID.match(value):
        return value
    chance = int(value[:8], 16)
    return value if chance % 3 == 0 else choices[chance % len(choices)]


def replaced(value, name=None):
    if isinstance(value, dict):
        members = {key: replaced(member, key) for key, member in value.items()}
        return with_upload(members)
    if isinstance(value, list):
        return [replaced(item, name) for item in value]
    return one_of(KNOWN.get(name, []), value)


def with_upload(members):
    """The two names of an upload go together."""
    name, upload = members.get("s3Filename"), members.get("uploadId")
    if isinstance(name, str) and isinstance(upload, str) and name and upload:
        known = UPLOADS[(len(name) + len(upload)) % len(UPLOADS)]
        return {**members, "s3Filename": known["s3Filename"], "uploadId": known["uploadId"]}
    return members


@schemathesis.hook
def map_body(context, body):
    return replaced(body)


@schemathesis.hook
def map_query(context, query):
    if isinstance(query, dict) and isinstance(query.get("s3Filename"), str) and query["s3Filename"]:
        query["s3Filename"] = FILES[0]
    # Text of any kind is no day; some of it stays, and is refused.
    for name in ["from", "to"]:
        if isinstance(query, dict) and isinstance(query.get(name), str) and len(query[name]) % 3:
            query[name] = DAYS[len(query[name]) % len(DAYS)]
    return replaced(query)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if isinstance(path_parameters, dict) and "uuid" in path_parameters:
        kind = context.operation.path.split("/")[2]
        path_parameters["uuid"] = one_of(PATHS.get(kind, []), path_parameters["uuid"])
    return path_parameters
