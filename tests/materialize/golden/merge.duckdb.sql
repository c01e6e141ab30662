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

select 1 as id, 'a' as name
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

select 1 as id, 'a' as name
;
SELECT "id" FROM "m__sqlflow_batch_01234567" WHERE "id" IS NULL
LIMIT 3
;
SELECT "id", count(*) AS n FROM "m__sqlflow_batch_01234567"
GROUP BY "id" HAVING count(*) > 1
LIMIT 3
;
MERGE INTO "main"."m" AS t
USING "m__sqlflow_batch_01234567" AS s ON t."id" = s."id"
WHEN MATCHED THEN UPDATE SET "name" = s."name"
WHEN NOT MATCHED THEN INSERT ("id", "name") VALUES (s."id", s."name")
;
DROP TABLE "m__sqlflow_batch_01234567"
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
