//! Hints to the memory system, and files mapped into it. The only module with `unsafe` beside the launches in `gpu`; none of it
//! changes a value, so the safe twin of each function is the same function without its hint, or a plain read.

#![allow(unsafe_code)]

use std::fs::File;
use std::io::Read;
use std::ops::Deref;

/// The smallest file that is mapped, in bytes; a smaller one is read sooner than mapped.
const MAPPED: u64 = 1 << 20;

/// How many elements are in a [block](blocks): about as many as the processor has cache misses under way.
pub(crate) const BLOCK: usize = 32;

/// The size of a cache line, in bytes.
const LINE: usize = 64;

/// The smallest allocation that huge pages are asked for, in bytes.
const LARGE: usize = 4 << 20;

/// Asks the processor to fetch the cache line of an element into its second cache, which has room for more
/// requests under way than the first. The element may lie beyond the end.
///
/// A batch of look-ups that asks for its lines some time before it reads them waits for few of them; see
/// [`blocks`].
///
/// ```
/// let numbers = [1, 2, 3];
/// curricle_kernels::prefetch(&numbers, 1);
/// assert_eq!(numbers[1], 2);
/// ```
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    let element = slice.as_ptr().wrapping_add(index);
    line(element.cast());
    if const { size_of::<T>() > 0 && !LINE.is_multiple_of(size_of::<T>()) } {
        // The element may end in another line than it begins in.
        line(element.wrapping_byte_add(size_of::<T>().saturating_sub(1)).cast());
    }
}

/// Asks for the line of an address.
#[inline(always)]
fn line(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch never faults and never writes, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        // SAFETY: a prefetch never faults and never writes, whatever the address.
        unsafe {
            std::arch::asm!("prfm pldl2keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
        }
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

/// A list block by block, each together with the one behind it: for a loop that asks for what the next block
/// needs before it works on the present one. The first block is empty, and so is the one behind the last.
///
/// ```
/// let (numbers, places) = (vec![7u64; 1000], [3, 900, 41, 3]);
/// let mut sum = 0;
/// for (now, next) in curricle_kernels::blocks(&places) {
///     next.iter().for_each(|&place| curricle_kernels::prefetch(&numbers, place));
///     now.iter().for_each(|&place| sum += numbers[place]);
/// }
/// assert_eq!(sum, 28);
/// ```
pub fn blocks<T>(list: &[T]) -> impl Iterator<Item = (&[T], &[T])> {
    std::iter::once(&list[..0])
        .chain(list.chunks(BLOCK))
        .zip(list.chunks(BLOCK).chain(std::iter::once(&list[..0])))
}

/// An empty list with room for `capacity` elements, in huge pages where the system gives them on
/// request (Linux), so that a random access does not also miss the page table.
///
/// ```
/// let list: Vec<u32> = curricle_kernels::roomy(1000);
/// assert!(list.is_empty() && list.capacity() >= 1000);
/// ```
pub fn roomy<T>(capacity: usize) -> Vec<T> {
    let list = Vec::with_capacity(capacity);
    ask_for_huge_pages(&list);
    list
}

/// An empty list with [room](roomy) for `capacity` elements, or, if there is not so much memory, without any. For a
/// number that a file states: where it is wrong, the memory is asked for and not touched.
///
/// ```
/// assert_eq!(curricle_kernels::roomy_if_possible::<u64>(1000).capacity(), 1000);
/// assert_eq!(curricle_kernels::roomy_if_possible::<u64>(usize::MAX).capacity(), 0);
/// ```
pub fn roomy_if_possible<T>(capacity: usize) -> Vec<T> {
    let mut list = Vec::new();
    if list.try_reserve_exact(capacity).is_ok() {
        ask_for_huge_pages(&list);
    }
    list
}

/// A list of `len` equal elements, in huge pages as [`roomy`] says.
pub fn filled<T: Clone>(value: T, len: usize) -> Vec<T> {
    let mut list = roomy(len);
    list.resize(len, value);
    list
}

#[cfg(all(target_os = "linux", not(miri)))]
fn ask_for_huge_pages<T>(list: &Vec<T>) {
    const PAGE: usize = 4096;
    let bytes = list.capacity() * size_of::<T>();
    if bytes >= LARGE {
        let start = list.as_ptr() as usize;
        let first = start.next_multiple_of(PAGE);
        let end = (start + bytes) / PAGE * PAGE;
        // SAFETY: the range lies inside an allocation of ours; the advice leaves its content alone.
        // A system that does not know the advice says so, and nothing else happens.
        unsafe { libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn ask_for_huge_pages<T>(list: &Vec<T>) {
    let _ = (list.capacity(), LARGE);
}

/// The content of a file; see [`file_bytes`].
#[derive(Debug)]
pub struct FileBytes(Content);

#[derive(Debug)]
enum Content {
    Read(Vec<u8>),
    #[cfg(not(miri))]
    Mapped(memmap2::Mmap),
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Content::Read(bytes) => bytes,
            #[cfg(not(miri))]
            Content::Mapped(map) => map,
        }
    }
}

/// The whole content of a file, from its start: mapped read-only from 1 MiB on, so that it takes no memory but the page
/// cache, which the system can take back; read if it is smaller.
///
/// While the value lives, no one may change the file in place or cut it short. A program that does changes bytes which
/// this one takes for constant, or makes it end with a bus error at the missing page; a lock would stop only those who ask
/// for it. It is for files that appear under their name when they are complete and are replaced, not rewritten: then the
/// map keeps the old file, whatever happens to the name. On a network file system replacing may not do that; copy
/// the file to a local disk first.
///
/// # Errors
/// Those of the operating system.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("file_bytes-{}", std::process::id()));
/// std::fs::write(&path, "three words here")?;
/// let bytes = curricle_kernels::file_bytes(&std::fs::File::open(&path)?)?;
/// assert_eq!(&bytes[..5], b"three");
/// # std::fs::remove_file(&path)
/// # }
/// ```
pub fn file_bytes(file: &File) -> std::io::Result<FileBytes> {
    #[cfg(not(miri))]
    if file.metadata()?.len() >= MAPPED {
        // SAFETY: the map is read-only and ours, and bytes have no invalid values. What is left is that the file
        // does not change under it. This crate's users write such files beside their place and rename them, and
        // never open them for writing again; the documentation asks the same of everyone else.
        let map = unsafe { memmap2::Mmap::map(file)? };
        #[cfg(unix)]
        // A hint that may be refused.
        let _ = map.advise(memmap2::Advice::Sequential);
        return Ok(FileBytes(Content::Mapped(map)));
    }
    let mut bytes = Vec::new();
    let mut file = file;
    std::io::Seek::rewind(&mut file)?;
    file.read_to_end(&mut bytes)?;
    Ok(FileBytes(Content::Read(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is mapped or not, it is what a plain read gives.
    #[test]
    #[cfg_attr(miri, ignore = "no files")]
    fn bytes_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for size in [0, 1, 1000, MAPPED as usize - 1, MAPPED as usize, 3 * MAPPED as usize + 17] {
            let content: Vec<u8> = (0..size).map(|place| (place / 8 * 31) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            let bytes = file_bytes(&File::open(&path).unwrap()).unwrap();
            assert!(*bytes == *std::fs::read(&path).unwrap(), "{size}");
            // Replacing the file leaves the bytes as they are.
            std::fs::write(folder.path().join("other"), "other").unwrap();
            std::fs::rename(folder.path().join("other"), &path).unwrap();
            assert!(*bytes == content, "{size}");
        }
        assert!(file_bytes(&File::open(folder.path()).unwrap()).is_err());
    }

    #[test]
    fn blocks_are_the_list_twice() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let list: Vec<usize> = (0..len).collect();
            let (mut worked, mut asked) = (Vec::new(), Vec::new());
            for (now, next) in blocks(&list) {
                asked.extend_from_slice(next);
                worked.extend_from_slice(now);
                assert!(asked.len() == worked.len() + next.len() && next.len() <= BLOCK);
            }
            assert!(worked == list && asked == list, "{len}");
        }
    }

    #[test]
    fn hints_change_nothing() {
        let plain: Vec<u64> = (0..100).collect();
        let mut roomy = roomy(if cfg!(miri) { 100 } else { 1 << 20 });
        roomy.extend(0..100u64);
        for index in [0, 50, 99, 100, usize::MAX] {
            prefetch(&roomy, index);
        }
        prefetch(&[0u8; 0], 0);
        assert_eq!(roomy, plain);
        assert_eq!(filled(3u8, 5), [3; 5]);
    }
}
