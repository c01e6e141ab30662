-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE TABLE "public"."m" AS

select 1 as id, 'a' as name
;
CREATE UNIQUE INDEX "m__id__idx" ON "public"."m" ("id")
;

-- second build
ALTER TABLE "public"."m" ADD COLUMN "extra" text
;
ALTER TABLE "public"."m" DROP COLUMN "name"
;
ALTER TABLE "public"."m" ALTER COLUMN "id" TYPE bigint
;
INSERT INTO "public"."m" ("id", "extra")
SELECT q."id", q."extra" FROM (

select cast(2 as bigint) as id, 'x' as extra
) AS q
;
