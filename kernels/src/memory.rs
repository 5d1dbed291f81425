//! Hints to the memory system. The only module with `unsafe` beside the launches in `gpu`; no hint changes a value, so the safe
//! twin of each function is the same function without its hint.

#![allow(unsafe_code)]

/// The smallest allocation that huge pages are asked for, in bytes.
const LARGE: usize = 4 << 20;

/// Asks the processor to fetch the cache line of an element, which may lie beyond the end.
///
/// A batch of look-ups that asks for all its lines first waits for one line rather than for each.
///
/// ```
/// let numbers = [1, 2, 3];
/// curricle_kernels::prefetch(&numbers, 1);
/// assert_eq!(numbers[1], 2);
/// ```
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    let address = slice.as_ptr().wrapping_add(index);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults and never writes, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        // SAFETY: a prefetch never faults and never writes, whatever the address.
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
        }
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
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
