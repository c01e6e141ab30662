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

select 1 as id, 'a' as name
;
CREATE UNIQUE INDEX "m__id__idx" ON "main"."m" ("id")
;
