-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE TABLE "public"."m" AS

select 1 as id, 'a' as name
;

-- second build
INSERT INTO "public"."m" ("id", "name")
SELECT q."id", q."name" FROM (

select 1 as id, 'a' as name
) AS q
;
