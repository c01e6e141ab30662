"""What PostgreSQL's catalog is asked."""

from __future__ import annotations

from sqlflow.core.relation import Relation, RelationKind
from sqlflow.dialect.names import relation_sql
from sqlflow.dialect.specs import POSTGRES

# A relation in the current database by its quoted name; the search path is the session's.
COLUMNS = """
    SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
    FROM pg_catalog.pg_class c
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.oid = pg_catalog.to_regclass($1)::oid
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND coalesce($2, pg_catalog.current_database()) = pg_catalog.current_database()
    ORDER BY a.attnum
"""

# A table that others inherit from shows their rows too, whose columns need not keep its constraints.
NULLABLE = """
    SELECT a.attname::text, NOT a.attnotnull
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.oid = pg_catalog.to_regclass($1)::oid
      AND (c.relkind = 'p' OR c.relkind = 'r' AND NOT c.relhassubclass)
      AND coalesce($2, pg_catalog.current_database()) = pg_catalog.current_database()
    ORDER BY a.attnum
"""

# Indexes and the tables of large values are left out: they have no name of their own in a statement.
RELATIONS = """
    SELECT c.relname::text, c.relkind::text
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind NOT IN ('i', 'I', 't')
      AND coalesce($2, pg_catalog.current_database()) = pg_catalog.current_database()
    ORDER BY 1
"""

# A view hangs on what its rule reads. The longest way from the relation gives the order. A materialized view
# can be read by other views too.
DEPENDENTS = """
    WITH RECURSIVE readers (oid, depth) AS (
        SELECT pg_catalog.to_regclass($1)::oid, 0
        UNION
        SELECT r.ev_class, p.depth + 1
        FROM readers p
        JOIN pg_catalog.pg_depend d ON d.refobjid = p.oid
         AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.classid = 'pg_catalog.pg_rewrite'::regclass
        JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> p.oid
        JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    )
    SELECT n.nspname::text, c.relname::text, pg_catalog.pg_get_viewdef(c.oid),
           coalesce(pg_catalog.array_to_string(c.reloptions, ', '), ''), c.relkind = 'm'
    FROM (SELECT oid, max(depth) AS depth FROM readers WHERE depth > 0 GROUP BY oid) r
    JOIN pg_catalog.pg_class c ON c.oid = r.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    ORDER BY r.depth, 1, 2
"""

# Only the definition of a view would lock what it reads; this does not ask for it.
READERS = """
    WITH RECURSIVE readers (oid) AS (
        SELECT pg_catalog.to_regclass(name)::oid
        FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS name
        UNION
        SELECT r.ev_class
        FROM readers p
        JOIN pg_catalog.pg_depend d ON d.refobjid = p.oid
         AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.classid = 'pg_catalog.pg_rewrite'::regclass
        JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> p.oid
        JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    )
    SELECT DISTINCT vn.nspname::text, v.relname::text, n.nspname::text, c.relname::text,
           v.relkind = 'm', pg_catalog.pg_has_role(v.relowner, 'USAGE')
    FROM readers p
    JOIN pg_catalog.pg_class c ON c.oid = p.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_depend d ON d.refobjid = p.oid
     AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> p.oid
    JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
    ORDER BY 1, 2, 3, 4
"""

# The first row is that of the relation itself.
COMMENTS = """
    SELECT a.attname::text, d.description
    FROM (
        SELECT c.oid, NULL::name AS attname, 0::smallint AS number
        FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)::oid
        UNION ALL
        SELECT a.attrelid, a.attname, a.attnum
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = pg_catalog.to_regclass($1)::oid AND a.attnum > 0 AND NOT a.attisdropped
    ) a
    LEFT JOIN pg_catalog.pg_description d ON d.objoid = a.oid
     AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = a.number
    ORDER BY a.number
"""

# What the owner may do is not granted: it comes with a new table too.
GRANTS = """
    WITH target AS (
        SELECT oid, relowner, relacl FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)::oid
    ), entries AS (
        SELECT t.relowner, NULL::text AS column_name, 0 AS number, acl.*
        FROM target t, pg_catalog.aclexplode(t.relacl) acl
        UNION ALL
        SELECT t.relowner, a.attname::text, a.attnum, acl.*
        FROM target t
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND NOT a.attisdropped,
        pg_catalog.aclexplode(a.attacl) acl
    )
    SELECT e.column_name, e.privilege_type::text, r.rolname::text, bool_or(e.is_grantable)
    FROM entries e
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = e.grantee
    WHERE e.grantee <> e.relowner
    GROUP BY e.number, e.column_name, e.privilege_type, r.rolname
    ORDER BY r.rolname NULLS FIRST, 4, e.number, 2
"""

FORMAT_TYPES = """
    SELECT pg_catalog.format_type(t.oid, nullif(t.typmod, -1))
    FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS t (oid, typmod, place)
    ORDER BY t.place
"""

_KINDS = {"r": RelationKind.TABLE, "p": RelationKind.TABLE, "v": RelationKind.VIEW}


def relation_kind(letter: str) -> RelationKind:
    """Reads pg_class.relkind."""
    return _KINDS.get(letter, RelationKind.OTHER)


def local_name(relation: Relation) -> str:
    """Writes a relation's name as `to_regclass` reads it: without the database."""
    return relation_sql(POSTGRES, relation._replace(database=None))
