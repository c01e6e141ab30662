-- A test is a query for what must not be: it fails if it finds rows.
select loan_id, lent_on, returned_on
from stg_loans
where returned_on < lent_on
