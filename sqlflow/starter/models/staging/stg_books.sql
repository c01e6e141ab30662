select
    book_id,
    title,
    lower(subject) as subject,
    acquired
from raw_books
