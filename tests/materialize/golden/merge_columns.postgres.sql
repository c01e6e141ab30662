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

select 1 as id, 'a' as name, 'b' as first
;
SELECT "id" FROM "public"."m" WHERE "id" IS NULL
LIMIT 3
;
SELECT "id", count(*) AS n FROM "public"."m"
GROUP BY "id" HAVING count(*) > 1
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

select 1 as id, 'a' as name, 'b' as first
;
SELECT "id" FROM "m__sqlflow_batch_01234567" WHERE "id" IS NULL
LIMIT 3
;
SELECT "id", count(*) AS n FROM "m__sqlflow_batch_01234567"
GROUP BY "id" HAVING count(*) > 1
LIMIT 3
;
MERGE INTO "public"."m" AS DBT_INTERNAL_DEST
USING "m__sqlflow_batch_01234567" AS DBT_INTERNAL_SOURCE ON DBT_INTERNAL_DEST."id" = DBT_INTERNAL_SOURCE."id"
AND (DBT_INTERNAL_DEST.id > 0
)
WHEN MATCHED THEN UPDATE SET "name" = DBT_INTERNAL_SOURCE."name"
WHEN NOT MATCHED THEN INSERT ("id", "name", "first") VALUES (DBT_INTERNAL_SOURCE."id", DBT_INTERNAL_SOURCE."name", DBT_INTERNAL_SOURCE."first")
;
DROP TABLE "m__sqlflow_batch_01234567"
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
