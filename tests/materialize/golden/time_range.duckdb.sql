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
CREATE TABLE "main"."p" AS

select 1 as id, 'a' as name, timestamp '2024-04-01 00:00:00' as changed
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
CREATE TABLE "main"."m" AS
SELECT * FROM (

select id, name, changed from (SELECT * FROM "main"."p" WHERE "changed" >= TIMESTAMP '2024-04-29 00:00:00' AND "changed" < TIMESTAMP '2024-04-30 00:00:00') AS p
) AS q WHERE "changed" >= TIMESTAMP '2024-04-29 00:00:00' AND "changed" < TIMESTAMP '2024-04-30 00:00:00'
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
DELETE FROM "main"."m" WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
;
INSERT INTO "main"."m" ("id", "name", "changed")
SELECT q."id", q."name", q."changed" FROM (
SELECT * FROM (

select id, name, changed from (SELECT * FROM "main"."p" WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00') AS p
) AS q WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
) AS q
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
CREATE OR REPLACE TABLE "main"."p" AS

select 1 as id, 'a' as name, timestamp '2024-04-01 00:00:00' as changed
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
DELETE FROM "main"."m" WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
;
INSERT INTO "main"."m" ("id", "name", "changed")
SELECT q."id", q."name", q."changed" FROM (
SELECT * FROM (

select p.id, p.name, p.changed from "main"."p" where p.changed >= TIMESTAMP '2024-04-30 00:00:00' and p.changed < TIMESTAMP '2024-05-01 00:00:00'
) AS q WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
) AS q
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
