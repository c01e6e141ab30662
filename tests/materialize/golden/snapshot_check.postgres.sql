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
SELECT
  q."id",
  q."name",
  md5(CAST(q."id" AS TEXT) || '|' || CAST(q."name" AS TEXT) || '|' || CAST(TIMESTAMP '2024-05-01 00:00:00' AS TEXT)) AS "dbt_scd_id",
  CAST(TIMESTAMP '2024-05-01 00:00:00' AS TIMESTAMP) AS "dbt_updated_at",
  TIMESTAMP '2024-05-01 00:00:00' AS "dbt_valid_from",
  CAST(NULL AS TIMESTAMP) AS "dbt_valid_to",
  CAST('False' AS TEXT) AS "dbt_is_deleted"
FROM (

select 1 as id, 'a' as name
) AS q
;
SELECT "id", "name" FROM "public"."m" WHERE "id" IS NULL OR "name" IS NULL
LIMIT 3
;
SELECT "id", "name", count(*) AS n FROM "public"."m"
GROUP BY "id", "name" HAVING count(*) > 1
LIMIT 3
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
ALTER TABLE "public"."m" ADD COLUMN "changed" timestamp without time zone
;
CREATE TEMPORARY TABLE "m__sqlflow_batch_01234567" AS

select 1 as id, 'a' as name, timestamp '2024-04-01 00:00:00' as changed
;
SELECT "id", "name" FROM "m__sqlflow_batch_01234567" WHERE "id" IS NULL OR "name" IS NULL
LIMIT 3
;
SELECT "id", "name", count(*) AS n FROM "m__sqlflow_batch_01234567"
GROUP BY "id", "name" HAVING count(*) > 1
LIMIT 3
;
SELECT "id", "name" FROM "public"."m" WHERE "id" IS NULL OR "name" IS NULL
LIMIT 3
;
SELECT "id", "name", count(*) AS n FROM "public"."m" AS t
WHERE (t."dbt_valid_to" IS NULL OR t."dbt_valid_to" = CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP)) GROUP BY "id", "name" HAVING count(*) > 1
LIMIT 3
;
SELECT t."id", t."name", t."dbt_valid_to" FROM "public"."m" AS t
WHERE t."dbt_valid_to" > TIMESTAMP '2024-05-02 00:00:00'
  AND t."dbt_valid_from" <= TIMESTAMP '2024-05-01 00:00:00'
  AND NOT ((t."dbt_valid_to" IS NULL OR t."dbt_valid_to" = CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP))) AND NOT EXISTS (
    SELECT 1 FROM "public"."m" AS n WHERE n."id" = t."id" AND n."name" = t."name"
      AND n."dbt_valid_from" >= t."dbt_valid_to"
  )
LIMIT 3
;
CREATE TEMPORARY TABLE "m__sqlflow_changes_01234567" AS
SELECT
  CAST(s."id" AS integer) AS "id",
  CAST(s."name" AS text) AS "name",
  CAST(s."changed" AS timestamp without time zone) AS "changed",
  md5(CAST(s."id" AS TEXT) || '|' || CAST(s."name" AS TEXT) || '|' || CAST(s.sqlflow_opened AS TEXT)) AS "dbt_scd_id",
  CAST(TIMESTAMP '2024-05-01 00:00:00' AS timestamp without time zone) AS "dbt_updated_at",
  s.sqlflow_opened AS "dbt_valid_from",
  CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP) AS "dbt_valid_to",
  CAST('False' AS TEXT) AS "dbt_is_deleted"
FROM (
  SELECT s.*, CASE WHEN COALESCE(o."dbt_valid_from", e.ended) >= TIMESTAMP '2024-05-01 00:00:00' THEN COALESCE(o."dbt_valid_from", e.ended) + INTERVAL '1 microsecond' ELSE TIMESTAMP '2024-05-01 00:00:00' END AS sqlflow_opened
  FROM "m__sqlflow_batch_01234567" AS s
  LEFT JOIN "public"."m" AS o ON o."id" = s."id" AND o."name" = s."name" AND (o."dbt_valid_to" IS NULL OR o."dbt_valid_to" = CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP))
  LEFT JOIN (
    SELECT "id", "name", max(t."dbt_valid_to") AS ended
    FROM "public"."m" AS t WHERE NOT ((t."dbt_valid_to" IS NULL OR t."dbt_valid_to" = CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP))) GROUP BY "id", "name"
  ) AS e ON e."id" = s."id" AND e."name" = s."name"
  WHERE o."id" IS NULL
    OR o."dbt_is_deleted" = 'True'
    OR TRUE
) AS s
;
INSERT INTO "m__sqlflow_changes_01234567" ("id", "name", "changed", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")
SELECT
  s."id",
  s."name",
  s."changed",
  md5(CAST(s."id" AS TEXT) || '|' || CAST(s."name" AS TEXT) || '|' || CAST(s.sqlflow_opened AS TEXT)) AS "dbt_scd_id",
  CAST(TIMESTAMP '2024-05-01 00:00:00' AS timestamp without time zone) AS "dbt_updated_at",
  s.sqlflow_opened AS "dbt_valid_from",
  CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP) AS "dbt_valid_to",
  CAST('True' AS TEXT) AS "dbt_is_deleted"
FROM (
SELECT t.*, CASE WHEN t."dbt_valid_from" >= TIMESTAMP '2024-05-01 00:00:00' THEN t."dbt_valid_from" + INTERVAL '1 microsecond' ELSE TIMESTAMP '2024-05-01 00:00:00' END AS sqlflow_opened
FROM "public"."m" AS t
WHERE t."dbt_is_deleted" = 'False' AND (t."dbt_valid_to" IS NULL OR t."dbt_valid_to" = CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP)) AND NOT EXISTS (
  SELECT 1 FROM "m__sqlflow_batch_01234567" AS s WHERE t."id" = s."id" AND t."name" = s."name"
)
) AS s
;
UPDATE "public"."m" AS t
SET "dbt_valid_to" = c."dbt_valid_from"
FROM "m__sqlflow_changes_01234567" AS c
WHERE t."id" = c."id" AND t."name" = c."name" AND (t."dbt_valid_to" IS NULL OR t."dbt_valid_to" = CAST(CAST('9999-12-31' AS TIMESTAMP) AS TIMESTAMP))
;
INSERT INTO "public"."m" ("id", "name", "changed", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")
SELECT "id", "name", "changed", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted" FROM "m__sqlflow_changes_01234567"
;
DROP TABLE "m__sqlflow_batch_01234567"
;
DROP TABLE "m__sqlflow_changes_01234567"
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
