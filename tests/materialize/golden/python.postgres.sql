-- first build
CREATE SCHEMA IF NOT EXISTS "public"
;
CREATE TABLE "public"."m" (
  "id" BIGINT
)
;
-- load into public.m
;

-- second build
CREATE TABLE "public"."m__sqlflow_new_01234567" (
  "id" BIGINT
)
;
-- load into public.m__sqlflow_new_01234567
;
ALTER TABLE "public"."m" RENAME TO "m__sqlflow_old_01234567"
;
ALTER TABLE "public"."m__sqlflow_new_01234567" RENAME TO "m"
;
DROP TABLE "public"."m__sqlflow_old_01234567"
;
