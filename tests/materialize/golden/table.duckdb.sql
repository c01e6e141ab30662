-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name
;

-- second build
CREATE OR REPLACE TABLE "main"."m" AS

select 1 as id, 'a' as name
;
