//! The pages of a column, none of which is unpacked before its size is known to be possible.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{Compression, Type as Physical};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::table::FileFault;

/// Bytes that a page of numbers may have whatever it holds: headers, padding, a block of differences.
const SLACK: usize = 1 << 16;
/// Bytes that a page of texts may have: texts that are alike pack into next to nothing.
const TEXTS: usize = 1 << 26;
/// Bytes of a value and its level, at most.
const WIDEST: usize = 16;
/// How many times its size bytes packed by Snappy have unpacked, at most: 64 from an element of 3.
const EXPANSION: usize = 32;

/// Reads pages as they are, and unpacks them itself.
pub(super) struct Pages {
    packed: SerializedPageReader<File>,
    codec: Compression,
    /// The name of the column.
    column: String,
    /// Values of the group: its rows, or what lists in them have.
    values: usize,
    /// Bytes that a page may have whatever it holds.
    room: usize,
    /// Bits of a value.
    width: usize,
}

impl Pages {
    pub fn new(
        file: Arc<File>,
        chunk: &ColumnChunkMetaData,
        rows: usize,
        width: usize,
    ) -> Result<Self> {
        // The reader of the crate would make room for whatever size a page claims.
        let packed = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        Ok(Self {
            packed: SerializedPageReader::new(file, &packed, rows, None)?,
            codec: chunk.compression(),
            column: chunk.column_path().string(),
            values: match chunk.column_descr().max_rep_level() {
                0 => rows,
                _ => usize::try_from(chunk.num_values()).unwrap_or(0),
            },
            room: match chunk.column_descr().physical_type() {
                Physical::BYTE_ARRAY => TEXTS,
                _ => SLACK,
            },
            width,
        })
    }

    fn unpacked(&self, bytes: &[u8], values: u32) -> Result<Vec<u8>> {
        let most = self.room + (WIDEST * values as usize).max(EXPANSION * bytes.len());
        let fault = |fault: FileFault| ParquetError::External(Box::new(fault));
        match self.codec {
            Compression::UNCOMPRESSED => Ok(bytes.to_vec()),
            Compression::SNAPPY => {
                let size = snap::raw::decompress_len(bytes)
                    .map_err(|error| ParquetError::External(Box::new(error)))?;
                if size > most {
                    return Err(fault(FileFault::TooMany { values: size as u64, most: most as u64 }));
                }
                snap::raw::Decoder::new()
                    .decompress_vec(bytes)
                    .map_err(|error| ParquetError::External(Box::new(error)))
            }
            #[cfg(feature = "zstd")]
            Compression::ZSTD(_) => zstd::bulk::decompress(bytes, most)
                .map_err(|error| ParquetError::General(error.to_string())),
            other => {
                let (column, codec) = (self.column.clone(), other.to_string());
                Err(fault(FileFault::Codec { column, codec }))
            }
        }
    }

    fn open(&self, page: Page) -> Result<Page> {
        let too_many = |values: u32, most: usize| {
            let (values, most) = (u64::from(values), most as u64);
            if values > most {
                let fault = FileFault::TooMany { values, most };
                return Err(ParquetError::External(Box::new(fault)));
            }
            Ok(())
        };
        match page {
            Page::DictionaryPage { buf, num_values, encoding, is_sorted } => {
                let buf = self.unpacked(&buf, num_values.min(self.values as u32))?;
                too_many(num_values, 8 * buf.len() / self.width)?;
                Ok(Page::DictionaryPage { buf: buf.into(), num_values, encoding, is_sorted })
            }
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                statistics,
            } => {
                too_many(num_values, self.values)?;
                let buf = self.unpacked(&buf, num_values)?.into();
                Ok(Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics,
                })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                statistics,
            } => {
                too_many(num_values, self.values)?;
                // Levels are never packed.
                let levels = def_levels_byte_len as usize + rep_levels_byte_len as usize;
                let Some((levels, values)) = buf.split_at_checked(levels) else {
                    return Err(ParquetError::EOF("levels beyond their page".into()));
                };
                let buf = if is_compressed && !values.is_empty() {
                    [levels, &self.unpacked(values, num_values)?].concat().into()
                } else {
                    buf
                };
                Ok(Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed,
                    statistics,
                })
            }
        }
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.packed.get_next_page()?;
        page.map(|page| self.open(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }
}
