-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE SCHEMA IF NOT EXISTS "public_dbt_test__audit"
;
CREATE VIEW "public"."m" AS
select 1 as id, 'a' as name
;
SELECT count(*) AS n FROM (
SELECT "id", count(*) AS n FROM "public"."m"
WHERE "id" IS NOT NULL
GROUP BY "id"
HAVING count(*) > 1
) AS q
;

-- second build
CREATE SCHEMA IF NOT EXISTS "public_dbt_test__audit"
;
CREATE OR REPLACE VIEW "public"."m" AS
select 1 as id, 'a' as name union all select 1 as id, 'a' as name
;
SELECT count(*) AS n FROM (
SELECT "id", count(*) AS n FROM "public"."m"
WHERE "id" IS NOT NULL
GROUP BY "id"
HAVING count(*) > 1
) AS q
;
CREATE TABLE "public_dbt_test__audit"."unique_m_id" AS
SELECT "id", count(*) AS n FROM "public"."m"
WHERE "id" IS NOT NULL
GROUP BY "id"
HAVING count(*) > 1
;
