-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."publications" (
  "environment" TEXT,
  "node" TEXT,
  "relation" TEXT,
  "number" BIGINT,
  "publication" TEXT
)
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."versions" (
  "version" TEXT,
  "record" TEXT
)
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."leases" (
  "relation" TEXT,
  "holder" TEXT,
  "told" TEXT,
  "epoch" BIGINT,
  "expires" DOUBLE PRECISION,
  PRIMARY KEY ("relation")
)
;
CREATE TABLE "public"."m" AS

select 1 as id, 'a' as name
;
GRANT INSERT ON "public"."m" TO PUBLIC
;
GRANT SELECT ON "public"."m" TO "pg_monitor"
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
INSERT INTO "public"."m" ("id", "name")
SELECT q."id", q."name" FROM (

select 1 as id, 'a' as name
) AS q
;
GRANT SELECT ON "public"."m" TO "pg_read_all_data"
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
