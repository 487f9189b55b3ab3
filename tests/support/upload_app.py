"""An app for tests of uploads: says and writes down what it was sent, parsed as FastAPI parses it. To be copied."""

import hashlib
import json
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

SEEN = (Path(__file__).parent / "seen.log").open("a", buffering=1)
app = FastAPI()


def seen(found: object) -> JSONResponse:
    SEEN.write(json.dumps(found) + "\n")
    return JSONResponse(found, 201)


def looked_at(content: bytes) -> list[object]:
    return [len(content), hashlib.sha256(content).hexdigest()]


@app.api_route("/raw", methods=["POST", "PUT"])
async def raw(request: Request) -> JSONResponse:
    kind = request.headers.get("content-type")
    return seen({"raw": [kind, *looked_at(await request.body())]})


@app.post("/form")
async def form(request: Request) -> JSONResponse:
    kind = str(request.headers.get("content-type")).partition(";")[0]
    found: list[list[object]] = []
    async with request.form() as sent:
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                found.append([name, value.filename, value.content_type, *looked_at(await value.read())])
            else:
                found.append([name, value])
    return seen({kind: found})
