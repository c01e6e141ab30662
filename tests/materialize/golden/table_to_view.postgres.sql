-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE TABLE "public"."m" AS

select 1 as id, 'a' as name
;

-- second build
ALTER TABLE "public"."m" RENAME TO "m__sqlflow_old_01234567"
;
CREATE VIEW "public"."m" AS

select 1 as id, 'a' as name
;
DROP TABLE "public"."m__sqlflow_old_01234567"
;
