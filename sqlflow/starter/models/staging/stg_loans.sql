select
    loan_id,
    book_id,
    member,
    lent_on,
    returned_on,
    {{ days_between('lent_on', 'returned_on') }} as days_away,
    returned_on is null as is_away
from raw_loans
