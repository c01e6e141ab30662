-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE SCHEMA IF NOT EXISTS "_sqlflow"
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."publications" (
  "environment" VARCHAR,
  "node" VARCHAR,
  "relation" VARCHAR,
  "number" BIGINT,
  "publication" VARCHAR
)
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."versions" (
  "version" VARCHAR,
  "record" VARCHAR
)
;
CREATE TABLE "main"."m" AS

select 1 as id, 'a' as name
;
COMMENT ON TABLE "main"."m" IS 'All.'
;
COMMENT ON COLUMN "main"."m"."id" IS 'It.'
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
INSERT INTO "main"."m" ("id", "name")
SELECT q."id", q."name" FROM (

select 1 as id, 'a' as name
) AS q
;
COMMENT ON COLUMN "main"."m"."id" IS 'Another.'
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
