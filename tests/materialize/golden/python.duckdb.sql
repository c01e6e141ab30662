-- first build
CREATE SCHEMA IF NOT EXISTS "main"
;
CREATE TABLE "main"."m" (
  "id" BIGINT
)
;
-- load into main.m
;

-- second build
CREATE OR REPLACE TABLE "main"."m" (
  "id" BIGINT
)
;
-- load into main.m
;
