select
    books.book_id,
    books.title,
    books.subject,
    count(loans.loan_id) as loans,
    count(distinct loans.member) as members,
    round(avg(loans.days_away), 1) as average_days
from stg_books as books
left join stg_loans as loans using (book_id)
group by books.book_id, books.title, books.subject
order by loans desc, books.title
