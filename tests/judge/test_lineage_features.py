"""The lineage of each thing that a query can do: as written down by hand, and as changed data shows it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.judge.data import Shape
from tests.judge.influence import influences
from tests.judge.subject import Source, Tables, analyse
from tests.judge.trial import Trial

TABLES: Tables = {
    "t": (
        ("id", "INTEGER", True), ("a", "INTEGER", False), ("b", "VARCHAR", False), ("c", "DOUBLE", False),
        ("l", "INTEGER[]", False), ("s", "STRUCT(color VARCHAR, size INTEGER)", False), ("d", "DATE", True),
    ),
    "u": (("id", "INTEGER", True), ("x", "INTEGER", False), ("b", "VARCHAR", False), ("d", "DATE", True)),
}  # fmt: skip
SHAPE = Shape(few=14, unique_keys=False)
# Claims that no data can show: in a column by itself, numbers that only change places are the same numbers.
_HIDDEN = frozenset({(1, ("t", "a")), (1, ("t", "c")), (1, ("t", "id"))})


@pytest.mark.parametrize(
    ("sql", "values", "rows"),
    [
        # subqueries
        ("SELECT a, (SELECT max(x) FROM u WHERE u.id = t.id) AS m FROM t",
         "t.a, t.id u.id u.x", ""),
        ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND u.x > 1)",
         "t.a", "t.id u.id u.x"),
        ("SELECT a, EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND u.x > 1) AS e FROM t",
         "t.a, t.id u.id u.x", ""),
        ("SELECT a FROM t WHERE id IN (SELECT id FROM u WHERE x > 1)",
         "t.a", "t.id u.id u.x"),
        ("SELECT a, id IN (SELECT id FROM u WHERE x > 1) AS i FROM t",
         "t.a, t.id u.id u.x", ""),
        ("SELECT a FROM t WHERE a > ALL (SELECT x FROM u WHERE x IS NOT NULL AND x < 3)",
         "t.a", "t.a u.x"),
        ("SELECT a FROM t WHERE (id, a) IN (SELECT id, x FROM u)",
         "t.a", "t.a t.id u.id u.x"),
        ("SELECT t.id FROM t WHERE t.a = (SELECT max(x) FROM u WHERE u.id = t.id)",
         "t.id", "t.a t.id u.id u.x"),
        ("SELECT id, (SELECT x FROM u WHERE u.id = t.id ORDER BY d, x LIMIT 1) AS v FROM t",
         "t.id, t.id u.d u.id u.x", ""),
        ("SELECT id, CASE WHEN EXISTS (SELECT 1 FROM u WHERE u.id = t.id) THEN a END AS v FROM t",
         "t.id, t.a t.id u.id", ""),
        ("SELECT id, (SELECT count(*) FROM u WHERE u.id = t.id AND EXISTS (SELECT 1 FROM t AS w WHERE "
         "w.a = u.x AND w.b = t.b)) AS n FROM t",
         "t.id, t.a t.b t.id u.id u.x", ""),
        ("SELECT (SELECT max(x) FROM u WHERE u.id = t.id) AS k, count(*) AS n FROM t GROUP BY 1",
         "t.id u.id u.x, -", "t.id u.id u.x"),
        ("SELECT t.b, ARRAY(SELECT x FROM u WHERE u.id = t.id ORDER BY x) AS xs FROM t",
         "t.b, t.id u.id u.x", ""),
        ("SELECT a FROM t ORDER BY (SELECT count(*) FROM u WHERE u.id = t.id), a LIMIT 2",
         "t.a", "t.a t.id u.id"),
        ("SELECT a FROM t ORDER BY (SELECT count(*) FROM u WHERE u.id = t.id), a",
         "t.a", ""),
        ("SELECT a FROM t WHERE NOT EXISTS (FROM u WHERE u.id = t.id)",
         "t.a", "t.id u.id"),
        # sets
        ("SELECT a AS k, b FROM t UNION ALL SELECT x, b FROM u",
         "t.a u.x, t.b u.b", ""),
        ("SELECT a AS k, b FROM t UNION SELECT x, b FROM u",
         "t.a u.x, t.b u.b", "t.a t.b u.b u.x"),
        ("SELECT a AS k, b FROM t UNION ALL BY NAME SELECT b, x AS k FROM u",
         "t.a u.x, t.b u.b", ""),
        ("SELECT a AS k, b FROM t UNION ALL BY NAME SELECT x, b FROM u",
         "t.a, t.b u.b, u.x", ""),
        ("SELECT a FROM t EXCEPT SELECT x FROM u",
         "t.a u.x", "t.a u.x"),
        ("SELECT a FROM t INTERSECT SELECT x FROM u",
         "t.a u.x", "t.a u.x"),
        ("(SELECT a FROM t ORDER BY c, a LIMIT 2) UNION ALL (SELECT x FROM u WHERE d > DATE '2020-01-06')",
         "t.a u.x", "t.a t.c u.d"),
        # unnest
        ("SELECT id, unnest(l) AS i FROM t",
         "t.id, t.l", "t.l"),
        ("SELECT t.id, i FROM t, UNNEST(t.l) AS q(i)",
         "t.id, t.l", "t.l"),
        ("SELECT t.id, i FROM t LEFT JOIN UNNEST(t.l) AS q(i) ON true",
         "t.id, t.l", "t.l"),
        ("SELECT t.id, z.y FROM t, LATERAL (SELECT x + t.a AS y FROM u WHERE u.id = t.id) AS z",
         "t.id, t.a u.x", "t.id u.id"),
        ("SELECT t.id, z.y FROM t LEFT JOIN LATERAL (SELECT x AS y FROM u WHERE u.id = t.id) AS z ON true",
         "t.id, u.x", "t.id u.id"),
        ("SELECT unnest(s) FROM t",
         "t.s, t.s", ""),
        ("SELECT id, generate_subscripts(l, 1) AS i FROM t",
         "t.id, t.l", "t.l"),
        ("SELECT i FROM t, range(t.a) AS r(i)",
         "t.a", "t.a"),
        # pivots
        ("SELECT * FROM (SELECT b, x, d FROM u) PIVOT (sum(x) FOR b IN ('a', 'b') GROUP BY d)",
         "u.d, u.b u.x, u.b u.x", "u.b u.d"),
        ("PIVOT (SELECT b, x FROM u) ON b IN ('a', 'b') USING max(x)",
         "u.b u.x, u.b u.x", "u.b"),
        ("SELECT * FROM (SELECT id, b, x, d FROM u) PIVOT (sum(x) AS q FOR b IN ('a' AS one, 'b' AS two))",
         "u.id, u.d, u.b u.x, u.b u.x", "u.b u.d u.id"),
        ("SELECT * FROM (SELECT id, a, c FROM t) UNPIVOT (v FOR k IN (a, c))",
         "t.id, -, t.a t.c", "t.a t.c"),
        ("UNPIVOT (SELECT id, a, c FROM t) ON a, c INTO NAME k VALUE v",
         "t.id, -, t.a t.c", "t.a t.c"),
        ("SELECT * FROM (SELECT id, a, c FROM t) UNPIVOT INCLUDE NULLS (v FOR k IN (a, c))",
         "t.id, -, t.a t.c", "t.a t.c"),
        # windows
        ("SELECT sum(a) OVER w AS s, row_number() OVER (w ORDER BY a, id, c, b) AS r FROM t WINDOW w "
         "AS (PARTITION BY b)",
         "t.a t.b, t.a t.b t.c t.id", ""),
        ("SELECT a, rank() OVER (PARTITION BY b ORDER BY c) AS r FROM t",
         "t.a, t.b t.c", ""),
        ("SELECT a FROM t QUALIFY rank() OVER (PARTITION BY b ORDER BY c) = 1",
         "t.a", "t.b t.c"),
        ("SELECT a, rank() OVER w AS r FROM t WINDOW w AS (PARTITION BY b ORDER BY c) QUALIFY r < 3",
         "t.a, t.b t.c", "t.b t.c"),
        ("SELECT b, sum(sum(a)) OVER (PARTITION BY b ORDER BY d) AS r, d FROM t GROUP BY b, d",
         "t.b, t.a t.b t.d, t.d", "t.b t.d"),
        ("SELECT first_value(b) OVER (PARTITION BY d ORDER BY c, b) AS f FROM t",
         "t.b t.c t.d", ""),
        ("SELECT max(a) FILTER (WHERE b = 'a') OVER (PARTITION BY id) AS m FROM t",
         "t.a t.b t.id", ""),
        ("SELECT x FROM (SELECT x, row_number() OVER (PARTITION BY id ORDER BY d, x, b) AS n FROM u) "
         "WHERE n = 1",
         "u.x", "u.b u.d u.id u.x"),
        # groups
        ("SELECT b, d, sum(a) AS s, grouping(b) AS g FROM t GROUP BY GROUPING SETS ((b), (d), ())",
         "t.b, t.d, t.a, t.b", "t.b t.d"),
        ("SELECT b, d, count(*) AS n FROM t GROUP BY ROLLUP (b, d)",
         "t.b, t.d, -", "t.b t.d"),
        ("SELECT b, sum(a) AS s FROM t GROUP BY ALL HAVING max(c) > 1",
         "t.b, t.a", "t.b t.c"),
        ("SELECT b, sum(a) FILTER (WHERE c > 1) AS s FROM t GROUP BY b",
         "t.b, t.a t.c", "t.b"),
        ("SELECT count_if(a > 1) AS p, count(DISTINCT b) AS q, quantile_cont(c, 0.5) AS r FROM t",
         "t.a, t.b, t.c", ""),
        ("SELECT DISTINCT ON (b) b, a FROM t ORDER BY b, c, a",
         "t.b, t.a", "t.a t.b t.c"),
        ("SELECT DISTINCT b, a FROM t",
         "t.b, t.a", "t.a t.b"),
        ("SELECT string_agg(b, ',' ORDER BY c, b) AS x FROM t",
         "t.b t.c", ""),
        ("SELECT b AS k, sum(a) AS n, n + 1 AS z FROM t GROUP BY k",
         "t.b, t.a, t.a", "t.b"),
        # recursive
        ("WITH RECURSIVE r AS (SELECT id, a AS v FROM t UNION ALL SELECT u.id, r.v + u.x FROM r JOIN "
         "u ON u.id = r.v WHERE r.v < 4 AND u.x > 0) SELECT id, v FROM r",
         "t.id u.id, t.a u.x", "t.a u.id u.x"),
        ("WITH RECURSIVE r AS (SELECT id, a FROM t UNION SELECT r.id, u.x FROM r JOIN u ON u.id = "
         "r.a) SELECT id, a FROM r",
         "t.id, t.a u.x", "t.a t.id u.id u.x"),
        ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n, a "
         "FROM r, t",
         "-, t.a", ""),
        # joins
        ("SELECT t.id, u.x FROM t ASOF JOIN (SELECT id, max(x) AS x, d FROM u GROUP BY id, d) u ON "
         "t.id = u.id AND t.d >= u.d",
         "t.id, u.x", "t.d t.id u.d u.id"),
        ("SELECT t.a FROM t SEMI JOIN u ON t.id = u.id AND u.x > 1",
         "t.a", "t.id u.id u.x"),
        ("SELECT t.a FROM t ANTI JOIN u USING (id)",
         "t.a", "t.id u.id"),
        ("SELECT id, a, x FROM t JOIN u USING (id)",
         "t.id, t.a, u.x", "t.id u.id"),
        ("SELECT id, a, x FROM t LEFT JOIN u USING (id)",
         "t.id, t.a, u.x", "t.id u.id"),
        ("SELECT id, a, x FROM t RIGHT JOIN u USING (id)",
         "u.id, t.a, u.x", "t.id u.id"),
        ("SELECT id, a, x FROM t FULL JOIN u USING (id)",
         "t.id u.id, t.a, u.x", "t.id u.id"),
        ("SELECT id, a, x FROM (SELECT id, a FROM t) NATURAL JOIN (SELECT id, x FROM u)",
         "t.id, t.a, u.x", "t.id u.id"),
        ("SELECT id, x, w.c FROM t FULL JOIN u USING (id) FULL JOIN (SELECT id, c FROM t) w USING (id)",
         "t.id u.id, u.x, t.c", "t.id u.id"),
        ("SELECT t.a, u.x FROM t POSITIONAL JOIN u",
         "t.a, u.x", ""),
        ("SELECT t.a, u.x FROM t LEFT JOIN u ON t.id = u.id AND t.b = 'a'",
         "t.a, u.x", "t.b t.id u.id"),
        # stars
        ("SELECT COLUMNS('^[ac]$') + 1 FROM t",
         "t.a, t.c", ""),
        ("SELECT max(COLUMNS(* EXCLUDE (l, s, d))) FROM t",
         "t.id, t.a, t.b, t.c", ""),
        ("SELECT COLUMNS(lambda q: q IN ('a', 'b')) FROM t",
         "t.a, t.b", ""),
        ("SELECT * REPLACE (a + id AS b) FROM (SELECT id, a, b FROM t)",
         "t.id, t.a, t.a t.id", ""),
        ("SELECT * EXCLUDE (l, s, d) RENAME (a AS z) FROM t",
         "t.id, t.a, t.b, t.c", ""),
        ("SELECT s.* FROM t",
         "t.s, t.s", ""),
        ("SELECT u.* EXCLUDE (d) FROM t JOIN u USING (id)",
         "u.id, u.x, u.b", "t.id u.id"),
        ("SELECT * LIKE 'a%' FROM (SELECT a, b FROM t)",
         "t.a", ""),
        # rest
        ("SELECT a, b FROM t ORDER BY c, a, b LIMIT 3",
         "t.a, t.b", "t.a t.b t.c"),
        ("SELECT a, b FROM t ORDER BY c, a, b OFFSET 3",
         "t.a, t.b", "t.a t.b t.c"),
        ("SELECT a + 1 AS p, p * 2 AS q FROM t WHERE p > 2",
         "t.a, t.a", "t.a"),
        ("SELECT [e * a FOR e IN l IF e > id] AS x FROM t",
         "t.a t.id t.l", ""),
        ("SELECT list_filter(l, lambda e: e > a) AS x FROM t",
         "t.a t.l", ""),
        ("SELECT list_transform(l, lambda e, i: e * i + id) AS x FROM t",
         "t.id t.l", ""),
        ("SELECT s.color AS x, s.size + a AS y FROM t",
         "t.s, t.a t.s", ""),
        ("SELECT a + 1 AS c, c AS k FROM t",
         "t.a, t.c", ""),
        ("WITH t AS (SELECT id, x AS a FROM u) SELECT a FROM t",
         "u.x", ""),
        ("SELECT t FROM t",
         "t.a t.b t.c t.d t.id t.l t.s", ""),
        ("SELECT coalesce(t.id, u.id) AS k FROM t FULL JOIN u ON t.id = u.id",
         "t.id u.id", "t.id u.id"),
        ("SELECT b, d, count(*) AS n FROM t GROUP BY CUBE (b, d)",
         "t.b, t.d, -", "t.b t.d"),
    ],
)  # fmt: skip
def test_lineage_is_as_written_down_and_as_data_shows(sql: str, values: str, rows: str) -> None:
    analysis = analyse(sql, "duckdb", TABLES)
    assert analysis.errors == ()
    assert ", ".join(_text(column.values) or "-" for column in analysis.columns) == values
    assert _text(analysis.rows) == rows
    claims = frozenset((k, source) for k, column in enumerate(analysis.columns) for source in column.values)
    found = influences(Trial(TABLES, sql, SHAPE), 2, 6, claims)
    assert found.stable
    assert {pair for pair in found.seen if pair[1] not in analysis.rows} <= claims
    assert found.moved <= analysis.rows.union(*(column.values for column in analysis.columns))
    hidden = _HIDDEN if "row_number() OVER (w" in sql else frozenset[tuple[int, Source]]()
    assert claims - found.seen == hidden


def _text(sources: Iterable[Source]) -> str:
    return " ".join(sorted(f"{table}.{column}" for table, column in sources))
