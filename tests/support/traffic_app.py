"""An app for tests of traffic: orders, users, tokens that expire; writes down what it was asked. To be copied."""

import asyncio
import os
import sys
import time
from itertools import count
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

LASTS_S = float(os.environ.get("EXPIRY_S", "3"))
SEEN = (Path(__file__).parent / "seen.log").open("a", buffering=1)
numbers = count(1)
tokens: dict[str, tuple[str, float]] = {}


def seen(*words: object) -> None:
    SEEN.write(" ".join(map(str, words)) + "\n")


async def token(request: Request) -> JSONResponse:
    asked = await request.json()
    seen("token", asked["user"])
    if asked["password"] != f"hidden-{asked['user']}":
        return JSONResponse({"detail": "no"}, 403)
    made = f"tok-{asked['user']}-{next(numbers)}-of-the-test"
    tokens[made] = (asked["user"], time.monotonic() + LASTS_S)
    sys.stdout.write(f"made {made} for {asked}\n")
    sys.stdout.flush()
    return JSONResponse({"access": {"token": made}})


async def mine(request: Request) -> JSONResponse:
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    user, until_s = tokens.get(sent, ("", 0.0))
    if time.monotonic() > until_s:
        return JSONResponse({"detail": "expired"}, 401)
    seen("mine", user, request.path_params["user"])
    await asyncio.sleep(0.02)
    return JSONResponse({"user": user}, 200 if user == request.path_params["user"] else 409)


async def orders(request: Request) -> JSONResponse:
    if request.method == "POST":
        seen("create", (await request.body()).decode(), request.headers.get("x-order", ""))
        await asyncio.sleep(0.03)
        return JSONResponse({"id": 1}, 201)
    made = next(numbers)
    seen("list", made)
    await asyncio.sleep(0.005)
    return JSONResponse({"items": [{"id": made, "name": f"order {made}/{made}"}]})


async def order(request: Request) -> JSONResponse:
    seen("read", request.path_params["order"], request.query_params.get("name", ""))
    await asyncio.sleep(0.015)
    return JSONResponse({"id": 1})


app = Starlette(
    routes=[
        Route("/token", token, methods=["POST"]),
        Route("/mine/{user}", mine),
        Route("/orders", orders, methods=["GET", "POST"]),
        Route("/orders/{order}", order),
    ]
)
