-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE VIEW "main"."m" AS

select 1 as id, 'a' as name
;

-- second build
CREATE OR REPLACE VIEW "main"."m" AS

select 1 as id, 'a' as name
;
