"""Data frames and tables as what they hold, whatever their layout in memory is.

Equal frames may lie in memory in other blocks and chunks, and pickle to other bytes. Here a frame
is its columns in order, each with its name, type and values. No library is imported that is not
already there.
"""

from typing import Any


def by_columns(found: Any) -> tuple[Any, ...] | None:
    """A frame, series, table or array of pandas, polars or Arrow as plain parts; else None."""
    kind = type(found)
    library = kind.__module__.partition(".")[0]
    if library == "pyarrow" and kind.__name__ in ("Table", "RecordBatch"):
        return "arrow", kind.__name__, _arrow_bytes(found)
    if library == "polars" and kind.__name__ in ("DataFrame", "Series"):
        frame = found.rechunk() if kind.__name__ == "DataFrame" else found.rechunk().to_frame()
        schema = [(name, repr(one)) for name, one in frame.schema.items()]
        return "polars", kind.__name__, schema, frame.write_ipc(None).getvalue()
    if any(base.__module__.startswith("pandas.") for base in kind.__mro__[:-1]):
        return _pandas_parts(found, kind)
    return None


def _pandas_parts(found: Any, kind: type) -> tuple[Any, ...] | None:
    if hasattr(found, "iloc") and hasattr(found, "columns"):
        places = range(found.shape[1])
        values = [
            (str(one), _values(found.iloc[:, at]))
            for at, one in zip(places, found.dtypes, strict=True)
        ]
        return "pandas", kind, found.columns, found.index, values, found.attrs, _more(found)
    if hasattr(found, "iloc") and hasattr(found, "dtype"):
        parts = found.name, found.index, str(found.dtype), _values(found), found.attrs
        return "pandas", kind, *parts, _more(found)
    return None


def _more(found: Any) -> list[Any]:
    """What a class of frames has besides, such as a unit or a map's projection."""
    names = found._metadata  # noqa: SLF001 - the documented place for them
    return [getattr(found, name, None) for name in names if name != "_name"]


def _values(column: Any) -> Any:
    """The values of a column: an array of numpy's in one piece, or what stands for one."""
    values = column.array
    plain = getattr(values, "_ndarray", None)
    if plain is None or type(values).__name__ != "NumpyExtensionArray":
        arrow = getattr(values, "_pa_array", None)
        return values if arrow is None else _arrow_bytes(_as_table(arrow))
    return plain.copy(order="C")


def _as_table(array: Any) -> Any:
    import pyarrow as pa

    return pa.table({"": array})


def _arrow_bytes(table: Any) -> bytes:
    """A table in Arrow's format for streams, which leaves out what a slice does not show."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    whole = table.combine_chunks() if hasattr(table, "combine_chunks") else table
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write(whole)
    return bytes(sink.getvalue())
