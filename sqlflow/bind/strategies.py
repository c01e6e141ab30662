"""What a strategy of the project's own is given: the columns of its model's query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlflow.bind.translate.translate import Translator
from sqlflow.bind.types import NodeSchema
from sqlflow.core.config import Materialization
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column
from sqlflow.render.strategies import macro_name
from sqlflow.render.types import Rendered


def own_strategies(
    rendered: Rendered, schemas: Mapping[NodeId, NodeSchema], translator: Translator | None
) -> Mapping[NodeId, Sequence[Column] | None]:
    """Gives the columns of the models with a strategy of their own, in the target's words.

    None for a model whose columns are not all known; the type of one may be, and is empty then. A model
    whose strategy has no macro is left out: that was told when it was rendered.
    """
    out: dict[NodeId, Sequence[Column] | None] = {}
    for node, model in rendered.models.items():
        config = model.config
        if not config.custom_strategy or config.materialized is not Materialization.INCREMENTAL:
            continue
        if macro_name(config.custom_strategy) not in rendered.macros:
            continue
        schema = schemas.get(node)
        if schema is not None:
            out[node] = _columns(schema, translator)
    return out


def _columns(schema: NodeSchema, translator: Translator | None) -> Sequence[Column] | None:
    found: list[Column] = []
    for column in schema.columns:
        if column.name is None:
            return None
        written = str(column.type) if column.type is not None else ""
        if translator is not None and written:
            written = translator.column_type(written)
        found.append(Column(column.name, written))
    # A dataframe may have more columns than are declared: that is found out when it is there.
    unknown = schema.open and not schema.opaque
    return None if unknown or not found else found
