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
CREATE TABLE "main"."m" (
  "id" BIGINT,
  "name" VARCHAR
)
;
-- load into main.m
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
CREATE OR REPLACE TABLE "main"."m" (
  "id" BIGINT,
  "name" VARCHAR
)
;
-- load into main.m
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
