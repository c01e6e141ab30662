-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE VIEW "public"."m" AS

select 1 as id, 'a' as name
;

-- second build
ALTER VIEW "public"."m" RENAME TO "m__sqlflow_old_01234567"
;
CREATE VIEW "public"."m" AS
select 'b' as name
;
DROP VIEW "public"."m__sqlflow_old_01234567"
;
