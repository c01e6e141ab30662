select
    loans.loan_id,
    loans.member,
    books.title,
    loans.days_away - {{ var('loan_days') }} as days_late
from stg_loans as loans
join stg_books as books using (book_id)
where loans.days_away > {{ var('loan_days') }}
