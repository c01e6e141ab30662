{# Whole days from one date to another. #}
{% macro days_between(first, last) %}({{ last }} - {{ first }}){% endmacro %}
