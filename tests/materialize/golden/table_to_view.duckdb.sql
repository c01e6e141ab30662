-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name
;

-- second build
DROP TABLE "main"."m"
;
CREATE VIEW "main"."m" AS

select 1 as id, 'a' as name
;
