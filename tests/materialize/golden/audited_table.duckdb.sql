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
SELECT count(*) AS n FROM (
select m.id from "main"."m" where m.id > 1
) AS q
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
CREATE OR REPLACE TABLE "main"."m" AS

select 2 as id, 'a' as name
;
SELECT count(*) AS n FROM (
select m.id from "main"."m" where m.id > 1
) AS q
;
SELECT * FROM (
select m.id from "main"."m" where m.id > 1
) AS q LIMIT 1000
;
CREATE SCHEMA IF NOT EXISTS "main_dbt_test__audit"
;
CREATE TABLE "main_dbt_test__audit"."t" (
  "id" INTEGER
)
;
-- load into main_dbt_test__audit.t
;
