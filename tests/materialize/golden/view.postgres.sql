-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE VIEW "public"."m" AS

select 1 as id, 'a' as name
;

-- second build
CREATE OR REPLACE VIEW "public"."m" AS

select 1 as id, 'a' as name
;
