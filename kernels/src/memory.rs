//! Hints to the memory system. The only module with `unsafe` beside the launches in `gpu`; none of it
//! changes a value, so the safe twin of each function is the same function without its hint.

#![allow(unsafe_code)]

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

/// A list of `len` elements, each made from its place, by all threads at once, in huge pages as [`roomy`] says.
pub(crate) fn made<T: Copy + Send>(len: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut list = roomy(len);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = len.div_ceil(threads).max(1);
    let room = &mut list.spare_capacity_mut()[..len];
    std::thread::scope(|scope| {
        for (part, start) in room.chunks_mut(share).zip((0..).step_by(share)) {
            let make = &make;
            scope.spawn(move || {
                for (element, place) in part.iter_mut().zip(start..) {
                    element.write(make(place));
                }
            });
        }
    });
    // SAFETY: the parts are the first `len` places, and each was written; a thread that panicked has
    // passed its panic on at the end of the scope.
    unsafe { list.set_len(len) };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The naive twin makes one element after the other.
    #[test]
    fn all_threads_make_what_one_makes() {
        for len in [0, 1, 2, 7, 1000, 1001] {
            let twin: Vec<usize> = (0..len).map(|place| place * place).collect();
            assert_eq!(made(len, |place| place * place), twin);
        }
        let unwound = std::panic::catch_unwind(|| made(100, |place| assert!(place < 50)));
        assert!(unwound.is_err());
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
