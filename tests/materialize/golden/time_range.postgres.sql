-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."publications" (
  "environment" TEXT,
  "node" TEXT,
  "relation" TEXT,
  "number" BIGINT,
  "publication" TEXT
)
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."versions" (
  "version" TEXT,
  "record" TEXT
)
;
CREATE TABLE IF NOT EXISTS "_sqlflow"."leases" (
  "relation" TEXT,
  "holder" TEXT,
  "told" TEXT,
  "epoch" BIGINT,
  "expires" DOUBLE PRECISION,
  PRIMARY KEY ("relation")
)
;
CREATE TABLE "public"."p" AS

select 1 as id, 'a' as name, timestamp '2024-04-01 00:00:00' as changed
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
CREATE TABLE "public"."m" AS
SELECT * FROM (

select id, name, changed from (SELECT * FROM "public"."p" WHERE "changed" >= TIMESTAMP '2024-04-29 00:00:00' AND "changed" < TIMESTAMP '2024-04-30 00:00:00') AS p
) AS q WHERE "changed" >= TIMESTAMP '2024-04-29 00:00:00' AND "changed" < TIMESTAMP '2024-04-30 00:00:00'
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
DELETE FROM "public"."m" WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
;
INSERT INTO "public"."m" ("id", "name", "changed")
SELECT q."id", q."name", q."changed" FROM (
SELECT * FROM (

select id, name, changed from (SELECT * FROM "public"."p" WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00') AS p
) AS q WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
) AS q
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;

-- second build
CREATE TABLE "public"."p__sqlflow_new_01234567" AS

select 1 as id, 'a' as name, timestamp '2024-04-01 00:00:00' as changed
;
ALTER TABLE "public"."p" RENAME TO "p__sqlflow_old_01234567"
;
ALTER TABLE "public"."p__sqlflow_new_01234567" RENAME TO "p"
;
DROP TABLE "public"."p__sqlflow_old_01234567"
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
DELETE FROM "public"."m" WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
;
INSERT INTO "public"."m" ("id", "name", "changed")
SELECT q."id", q."name", q."changed" FROM (
SELECT * FROM (

select p.id, p.name, p.changed from "public"."p" where p.changed >= TIMESTAMP '2024-04-30 00:00:00' and p.changed < TIMESTAMP '2024-05-01 00:00:00'
) AS q WHERE "changed" >= TIMESTAMP '2024-04-30 00:00:00' AND "changed" < TIMESTAMP '2024-05-01 00:00:00'
) AS q
;
INSERT INTO "_sqlflow"."versions" ("version", "record")
SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM "_sqlflow"."versions" WHERE "version" = $1)
;
INSERT INTO "_sqlflow"."publications" ("environment", "node", "relation", "number", "publication")
VALUES ($1, $2, $3, $4, $5)
;
