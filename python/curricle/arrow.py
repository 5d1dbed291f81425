"""Tables of scores as tables of `pyarrow`, which must be installed."""

from typing import Any

import numpy as np
import pyarrow as pa

from ._core import Table
from ._errors import DtypeError, TableError


def to_arrow(table: Table) -> Any:
    """The table with a column `id`; an undefined number is null. What made it stands in the metadata of the schema.

    >>> from curricle import Table
    >>> to_arrow(Table([7, 8], {"total": [0.5, float("nan")]})).to_pydict()
    {'id': [7, 8], 'total': [0.5, None]}
    """
    columns = {"id": pa.array(table.samples)}
    for name in table.columns:
        columns[name] = pa.array(table[name], from_pandas=True)
    return pa.table(columns).replace_schema_metadata(table.made_by)


def from_arrow(arrow: Any) -> Table:
    """The table of one with a column `id` of samples.

    >>> import pyarrow as pa
    >>> table = from_arrow(pa.table({"id": [7, 8], "total": [0.5, None]}))
    >>> table["total"]
    array([0.5, nan])
    """
    if "id" not in arrow.column_names:
        raise TableError("table refused: there is no column `id` of samples")
    columns = {}
    for name in arrow.column_names:
        column = arrow[name]
        if column.null_count and not pa.types.is_floating(column.type):
            raise DtypeError(f"{name}: only numbers can be undefined, not {column.type}")
        columns[name] = np.asarray(column.to_numpy())
    metadata = arrow.schema.metadata or {}
    made_by = {
        name: metadata.get(name.encode(), b"").decode() for name in ("signal", "model", "revision")
    }
    return Table(columns.pop("id"), columns, **made_by)
