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
SELECT "id" FROM "public"."m" WHERE "id" IS NULL
LIMIT 3
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
CREATE TEMPORARY TABLE "m__sqlflow_batch_01234567" AS

select 1 as id, 'a' as name
;
SELECT "id" FROM "m__sqlflow_batch_01234567" WHERE "id" IS NULL
LIMIT 3
;
DELETE FROM "public"."m" AS DBT_INTERNAL_DEST
WHERE EXISTS (SELECT 1 FROM "m__sqlflow_batch_01234567" AS DBT_INTERNAL_SOURCE WHERE DBT_INTERNAL_DEST."id" = DBT_INTERNAL_SOURCE."id")
AND (DBT_INTERNAL_DEST.id > 0
)
AND (true
)
;
INSERT INTO "public"."m" ("id", "name")
SELECT "id", "name" FROM "m__sqlflow_batch_01234567"
;
DROP TABLE "m__sqlflow_batch_01234567"
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
