//! Edits between two texts.

/// The least number of tokens to insert, delete or replace to make one text of the other (Levenshtein); a swap of two
/// neighbours costs 2.
///
/// [`EditPair`](crate::route::EditPair) keeps pairs by it. Cost: O(a b) time, O(min(a, b)) memory.
///
/// ```
/// use curricle::gauge::edit_distance;
///
/// assert_eq!(edit_distance(&[1, 2, 3], &[1, 3, 2]), 2);
/// assert_eq!(edit_distance(b"kitten", b"sitting"), 3);
/// ```
pub fn edit_distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    // Row after row of the table; a row is the prefixes of the shorter text.
    let mut row: Vec<usize> = (0..=short.len()).collect();
    for (place, token) in long.iter().enumerate() {
        let mut corner = row[0];
        row[0] = place + 1;
        for (column, other) in short.iter().enumerate() {
            let replaced = corner + usize::from(token != other);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[short.len()]
}
