-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
select 1
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name
;
select 2 from "main"."m"
;

-- second build
select 1
;
CREATE OR REPLACE TABLE "main"."m" AS

select 1 as id, 'a' as name
;
select 2 from "main"."m"
;
