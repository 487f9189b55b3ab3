"""Begin with the same hundred orders: `before_round` of benchmark.toml calls this before each round."""

from main import engine, orders
from sqlalchemy import insert

orders.metadata.drop_all(engine)
orders.metadata.create_all(engine)
with engine.begin() as database:
    database.execute(insert(orders), [{"item": f"item {number}", "quantity": 1 + number % 5} for number in range(100)])
engine.dispose()
