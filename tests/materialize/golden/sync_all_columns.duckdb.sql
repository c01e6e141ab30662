-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name
;
CREATE UNIQUE INDEX "m__id__idx" ON "main"."m" ("id")
;

-- second build
CREATE OR REPLACE TABLE "main"."m" AS
SELECT CAST("id" AS BIGINT) AS "id", CAST(NULL AS VARCHAR) AS "extra" FROM "main"."m"
;
CREATE UNIQUE INDEX "m__id__idx" ON "main"."m" ("id")
;
INSERT INTO "main"."m" ("id", "extra")
SELECT q."id", q."extra" FROM (

select cast(2 as bigint) as id, 'x' as extra
) AS q
;
