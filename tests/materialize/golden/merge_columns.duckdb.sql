-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE SCHEMA IF NOT EXISTS "_sqlflow"
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."publications" (
  "environment" VARCHAR,
  "node" VARCHAR,
  "relation" VARCHAR,
  "number" BIGINT,
  "publication" VARCHAR
)
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."versions" (
  "version" VARCHAR,
  "record" VARCHAR
)
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name, 'b' as first
;
SELECT "id" FROM "main"."m" WHERE "id" IS NULL
LIMIT 3
;
SELECT "id", count(*) AS n FROM "main"."m"
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
MERGE INTO "main"."m" AS DBT_INTERNAL_DEST
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
