-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE TABLE "public"."m" AS

select 1 as id, 'a' as name
;
CREATE UNIQUE INDEX "m__id__idx" ON "public"."m" ("id")
;

-- second build
DELETE FROM "public"."m"
;
INSERT INTO "public"."m" ("id", "name")
SELECT q."id", q."name" FROM (

select 1 as id, 'a' as name
) AS q
;
CREATE UNIQUE INDEX IF NOT EXISTS "m__id__idx" ON "public"."m" ("id")
;
