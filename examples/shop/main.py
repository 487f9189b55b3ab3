"""A small shop with a database: list, read and create orders, and a login that computes.

SQLite in shop.db next to this file, or what DATABASE_URL names, for example PostgreSQL of compose.yaml.
"""

import hashlib
import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, insert, select

URL = os.environ.get("DATABASE_URL", f"sqlite:///{Path(__file__).with_name('shop.db')}")
TOKEN = os.environ.get("SHOP_TOKEN", "token-of-the-example")
PASSWORD_HASH = hashlib.scrypt(b"battery-staple", salt=b"example", n=2**13, r=8, p=1)

engine = create_engine(URL)
orders = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("item", String(100), nullable=False),
    Column("quantity", Integer, nullable=False),
)
app = FastAPI(title="A small shop")


class NewOrder(BaseModel):
    """What a customer sends."""

    item: str = Field(min_length=1, max_length=100, examples=["book"])
    quantity: int = Field(ge=1, le=100, examples=[2])


class Order(NewOrder):
    """An order that the shop has."""

    id: int


class Login(BaseModel):
    """Name and password of a customer."""

    name: str = Field(examples=["ada"])
    password: str = Field(examples=["battery-staple"])


def connection() -> Iterator[Connection]:
    with engine.begin() as opened:
        yield opened


def signed_in(authorization: Annotated[str, Header()] = "") -> None:
    if not hmac.compare_digest(authorization, f"Bearer {TOKEN}"):
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


Database = Annotated[Connection, Depends(connection)]


@app.get("/orders")
def list_orders(database: Database, limit: int = 20) -> list[Order]:
    rows = database.execute(select(orders).order_by(orders.c.id.desc()).limit(limit))
    return [Order.model_validate(row._asdict()) for row in rows]


@app.get("/orders/{number}")
def read_order(database: Database, number: int) -> Order:
    row = database.execute(select(orders).where(orders.c.id == number)).first()
    if row is None:
        raise HTTPException(404)
    return Order.model_validate(row._asdict())


@app.post("/orders", status_code=201, dependencies=[Depends(signed_in)])
def create_order(database: Database, order: NewOrder) -> Order:
    number = database.execute(insert(orders).values(**order.model_dump())).inserted_primary_key
    return Order(id=number[0] if number else 0, **order.model_dump())


@app.post("/login")
def login(customer: Login) -> dict[str, str]:
    given = hashlib.scrypt(customer.password.encode(), salt=b"example", n=2**13, r=8, p=1)
    if not hmac.compare_digest(given, PASSWORD_HASH):
        raise HTTPException(401)
    return {"access_token": TOKEN, "token_type": "bearer"}
