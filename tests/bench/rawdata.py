"""Raw rows of a generated project, as csv."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from tests.bench.shapes import BY_ID, Column, Entity, raw_name

_FIRST_DAY = date(2023, 1, 1)
_DAYS = 730


def csv_text(entity: Entity, random: Random) -> str:
    """Gives the rows of an entity, as untidy as raw data are.

    Every key from 1 to the entity's number of rows is there, so that references hold; a few rows come
    twice, a few numbers are missing, texts differ in case and have blanks around them.
    """
    columns = entity.columns
    lines = [",".join(raw_name(column.name, entity) for column in columns)]
    for key in range(1, entity.rows + 1):
        line = ",".join(_cell(column, key, entity, random) for column in columns)
        lines += [line, line] if random.random() < 0.03 else [line]
    return "\n".join(lines) + "\n"


def _cell(column: Column, key: int, entity: Entity, random: Random) -> str:
    match column.kind:
        case "id":
            return str(key if column.name == entity.id else random.randint(1, BY_ID[column.name].rows))
        case "int":
            return "" if random.random() < 0.02 else str(random.randint(0, 900))
        case "amount":
            return "" if random.random() < 0.02 else str(random.randint(100, 250_000))
        case "text":
            # Each value occurs, whatever the numbers.
            value = column.values[key % len(column.values)]
            return random.choice((value, value.upper(), value.title(), f"{value} "))
        case "date":
            return str(_FIRST_DAY + timedelta(days=random.randrange(_DAYS)))
        case _:
            return random.choice("YN")
