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
CREATE TABLE "main"."m" (
  "id" BIGINT
)
;
-- load into main.m
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
CREATE OR REPLACE TABLE "main"."m" (
  "id" BIGINT
)
;
-- load into main.m
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
