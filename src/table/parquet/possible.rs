//! Whether a file can hold what it says it holds.

use parquet::file::metadata::ParquetMetaData;

use crate::table::FileFault;

/// Values that a byte of a file can stand for: a sequence of numbers is kept as its start and its step,
/// and that is packed. A file that claims more is damaged, or made to fill the memory.
const VALUES_OF_A_BYTE: u64 = 4096;

/// Refuses a file of so many bytes that claims more than it can hold in these columns, before there is room made for
/// it.
pub(super) fn is_possible(
    about: &ParquetMetaData,
    columns: &[usize],
    size: u64,
) -> Result<(), FileFault> {
    let most = size.saturating_mul(VALUES_OF_A_BYTE);
    let mut values = 0u64;
    for group in about.row_groups() {
        let rows = u64::try_from(group.num_rows()).map_err(|_| FileFault::Damaged)?;
        for chunk in columns.iter().map(|&column| group.column(column)) {
            let starts = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
            let sizes = [chunk.compressed_size(), chunk.num_values()];
            if starts.into_iter().flatten().chain(sizes).any(|number| number < 0) {
                return Err(FileFault::Damaged);
            }
            // A list has more values than rows.
            values = values.saturating_add(rows.max(chunk.num_values().cast_unsigned()));
        }
    }
    if values > most { Err(FileFault::TooMany { values, most }) } else { Ok(()) }
}
