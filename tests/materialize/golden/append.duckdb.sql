-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name
;

-- second build
INSERT INTO "main"."m" ("id", "name")
SELECT q."id", q."name" FROM (

select 1 as id, 'a' as name
) AS q
;
