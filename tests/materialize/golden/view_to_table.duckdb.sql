-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE VIEW "main"."m" AS

select 1 as id, 'a' as name
;

-- second build
DROP VIEW "main"."m"
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name
;
