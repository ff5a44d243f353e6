//! Which rows of a dataset hold the selected elements, and where among those rows the elements are.
//!
//! A selection comes as runs of elements (first and number) in the order in which HDF5 takes them, whatever kind of
//! selection it was. The protocol gives blocks of the first dimension with one range of each other, so more may be
//! fetched than is selected.

use hdfstream::v1::Rows;

use crate::selection::Runs;

/// Gaps between blocks that are cheaper to fetch than to name, bytes.
const GAP: u64 = 1024;

/// The rows that hold `runs` of a dataset of this shape, with elements of so many bytes. All selected elements lie
/// between `lowest` and `highest` in each dimension. `runs` are not empty and lie within the shape.
pub(super) fn cover(
    shape: &[u64],
    runs: &[(u64, u64)],
    lowest: &[u64],
    highest: &[u64],
    element: u64,
) -> Rows {
    if shape.is_empty() {
        return Rows::scalar();
    }
    let width: u64 = shape[1..].iter().product();
    let mut blocks: Runs = Vec::new();
    for &(first, count) in runs {
        let (start, end) = (first / width, (first + count - 1) / width + 1);
        match blocks.last_mut() {
            Some((known, rows)) if *known <= start && start <= *known + *rows => {
                *rows = (*rows).max(end - *known);
            }
            _ => blocks.push((start, end - start)),
        }
    }
    blocks.sort_unstable();
    let others: Vec<(u64, u64)> = (1..shape.len())
        .map(|dimension| (lowest[dimension], highest[dimension] - lowest[dimension] + 1))
        .collect();
    let row: u64 = others.iter().map(|other| other.1).product();
    let gap = GAP / row.saturating_mul(element).max(1);
    let mut merged: Runs = Vec::new();
    for (start, rows) in blocks {
        match merged.last_mut() {
            Some((known, count)) if start <= *known + *count + gap => {
                *count = (*count).max(start + rows - *known);
            }
            _ => merged.push((start, rows)),
        }
    }
    Rows::new(merged, others)
}

/// Where the elements of `runs` are among the elements of `rows`, which [`cover`] gave for them.
pub(super) fn places(shape: &[u64], rows: &Rows, runs: &[(u64, u64)]) -> Runs {
    if shape.is_empty() {
        return vec![(0, 1)];
    }
    let mut starts = Vec::with_capacity(rows.blocks().len());
    let mut position = 0;
    for &(start, count) in rows.blocks() {
        starts.push((start, count, position));
        position += count;
    }
    let width: u64 = shape[1..].iter().product();
    let full = rows
        .others()
        .iter()
        .zip(&shape[1..])
        .all(|(&(start, count), &extent)| start == 0 && count == extent);
    let last = shape[shape.len() - 1];
    let mut places: Runs = Vec::new();
    let mut block = 0;
    for &(mut first, mut count) in runs {
        while count > 0 {
            let row = first / width;
            let (start, height, position) = {
                if !(starts[block].0..starts[block].0 + starts[block].1).contains(&row) {
                    block = starts.partition_point(|known| known.0 <= row).saturating_sub(1);
                }
                starts[block]
            };
            let place = position + row - start;
            let (place, most) = if full {
                // Whole rows follow each other as in the dataset, up to the end of the block.
                (place * width + first % width, (start + height) * width - first)
            } else {
                (
                    place * rows.width() + within(shape, rows, first % width),
                    last - first % last,
                )
            };
            let here = count.min(most);
            match places.last_mut() {
                Some((known, length)) if *known + *length == place => *length += here,
                _ => places.push((place, here)),
            }
            first += here;
            count -= here;
        }
    }
    places
}

/// Where in a fetched row the element is that lies at `offset` in a row of the dataset.
fn within(shape: &[u64], rows: &Rows, mut offset: u64) -> u64 {
    let (mut place, mut size) = (0, 1);
    for (&(start, count), &extent) in rows.others().iter().zip(&shape[1..]).rev() {
        place += (offset % extent - start) * size;
        offset /= extent;
        size *= count;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Coordinates of an element.
    fn coordinates(shape: &[u64], mut element: u64) -> Vec<u64> {
        let mut found = vec![0; shape.len()];
        for (dimension, extent) in shape.iter().enumerate().rev() {
            found[dimension] = element % extent;
            element /= extent;
        }
        found
    }

    /// Every selected element must be found where the fetched rows have it.
    fn check(shape: &[u64], runs: &[(u64, u64)], element: u64) -> Rows {
        let elements: Vec<u64> = runs
            .iter()
            .flat_map(|&(first, count)| first..first + count)
            .collect();
        let all: Vec<Vec<u64>> = elements
            .iter()
            .map(|&element| coordinates(shape, element))
            .collect();
        let bound = |pick: fn(u64, u64) -> u64| {
            (0..shape.len())
                .map(|dimension| all.iter().map(|one| one[dimension]).reduce(pick).unwrap())
                .collect::<Vec<_>>()
        };
        let rows = cover(shape, runs, &bound(u64::min), &bound(u64::max), element);
        let mut fetched: Vec<u64> = Vec::new();
        for number in 0..shape.iter().product() {
            let at = coordinates(shape, number);
            let in_block = rows
                .blocks()
                .iter()
                .any(|&(start, count)| (start..start + count).contains(&at[0]));
            let in_others = rows
                .others()
                .iter()
                .zip(&at[1..])
                .all(|(&(start, count), &at)| (start..start + count).contains(&at));
            if in_block && in_others {
                fetched.push(number);
            }
        }
        assert_eq!(fetched.len() as u64, rows.count());
        let found: Vec<u64> = places(shape, &rows, runs)
            .into_iter()
            .flat_map(|(first, count)| first..first + count)
            .map(|place| fetched[place as usize])
            .collect();
        assert_eq!(found, elements);
        rows
    }

    #[test]
    fn whole_rows_are_one_piece() {
        let rows = check(&[10, 3], &[(6, 9)], 8);
        assert_eq!(rows.blocks(), [(2, 3)]);
        assert_eq!(places(&[10, 3], &rows, &[(6, 9)]), [(0, 9)]);
    }

    #[test]
    fn far_rows_are_fetched_apart_and_near_ones_together() {
        let rows = check(&[1000, 4], &[(0, 4), (3600, 4)], 8);
        assert_eq!(rows.blocks(), [(0, 1), (900, 1)]);
        let rows = check(&[1000, 4], &[(0, 4), (8, 4)], 8);
        assert_eq!(rows.blocks(), [(0, 3)]);
    }

    #[test]
    fn columns_points_and_their_order_are_kept() {
        check(&[5, 4, 3], &[(4, 2), (16, 2), (28, 2)], 600);
        check(&[50], &[(40, 1), (3, 1), (3, 1), (22, 2)], 2000);
        check(&[7, 9], &[(60, 1), (0, 1), (31, 3)], 700);
        check(&[3, 1, 5], &[(2, 1), (12, 3)], 1);
    }

    #[test]
    fn any_selection_is_found() {
        // A small generator is enough: the shapes and runs matter, not their distribution.
        let mut state = 1u64;
        let mut next = move |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % limit
        };
        for _ in 0..2000 {
            let shape: Vec<u64> = (0..1 + next(3)).map(|_| 1 + next(6)).collect();
            let total: u64 = shape.iter().product();
            let runs: Vec<(u64, u64)> = (0..1 + next(5))
                .map(|_| {
                    let first = next(total);
                    (first, 1 + next(total - first))
                })
                .collect();
            check(&shape, &runs, 1 + next(900));
        }
    }
}
