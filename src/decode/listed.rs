//! Selections that are no regular hyperslabs, as lists of what goes where.

/// Elements that are next to each other in a dataset, or in a chunk of it, and in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Number of the first one where it comes from.
    pub from: u64,
    /// Number of the first one in memory.
    pub to: u64,
    /// How many.
    pub count: u64,
}

impl Move {
    /// Pairs runs of elements (first and number) with those that they become, in the order of both.
    #[must_use]
    pub fn pairs(from: &[(u64, u64)], to: &[(u64, u64)]) -> Vec<Self> {
        let mut moves: Vec<Self> = Vec::with_capacity(from.len().max(to.len()));
        let mut targets = to.iter().copied();
        let mut target = (0, 0);
        for &(mut first, mut left) in from {
            while left > 0 {
                if target.1 == 0 {
                    match targets.next() {
                        Some(next) => target = next,
                        None => return moves,
                    }
                    continue;
                }
                let count = left.min(target.1);
                push(
                    &mut moves,
                    Self {
                        from: first,
                        to: target.0,
                        count,
                    },
                );
                first += count;
                left -= count;
                target = (target.0 + count, target.1 - count);
            }
        }
        moves
    }
}

/// Position of a chunk within the grid, and what goes from it to memory.
pub type OfChunk = (Vec<u64>, Vec<Move>);

/// Divides `moves` from a dataset of these extents among its chunks, in the order in which they are met. `None` when
/// that makes more than `most` parts, or when a move leads out of the dataset.
#[must_use]
pub fn by_chunk(moves: &[Move], extents: &[u64], chunk: &[u64], most: usize) -> Option<Vec<OfChunk>> {
    let (&last, &width) = extents.last().zip(chunk.last())?;
    let total = extents
        .iter()
        .try_fold(1u64, |total, extent| total.checked_mul(*extent))?;
    if extents.len() != chunk.len() || chunk.contains(&0) {
        return None;
    }
    let mut numbers = std::collections::HashMap::new();
    let mut found: Vec<OfChunk> = Vec::new();
    let mut room = most;
    let mut position = vec![0; extents.len()];
    for &Move { from, to, count } in moves {
        if from.checked_add(count).is_none_or(|end| end > total) {
            return None;
        }
        let mut done = 0;
        while done < count {
            let (mut rest, mut inside, mut step) = (from + done, 0, 1);
            for dimension in (0..extents.len()).rev() {
                let at = rest % extents[dimension];
                rest /= extents[dimension];
                position[dimension] = at / chunk[dimension];
                inside += at % chunk[dimension] * step;
                step *= chunk[dimension];
            }
            let column = (from + done) % last;
            let now = (count - done).min(last - column).min(width - column % width);
            room = room.checked_sub(1)?;
            let number = match numbers.get(&position) {
                Some(number) => *number,
                None => {
                    numbers.insert(position.clone(), found.len());
                    found.push((position.clone(), Vec::new()));
                    found.len() - 1
                }
            };
            push(
                &mut found[number].1,
                Move {
                    from: inside,
                    to: to + done,
                    count: now,
                },
            );
            done += now;
        }
    }
    Some(found)
}

/// Adds a move, to the last one if it goes on there.
fn push(moves: &mut Vec<Move>, next: Move) {
    match moves.last_mut() {
        Some(Move { from, to, count }) if *from + *count == next.from && *to + *count == next.to => {
            *count += next.count;
        }
        _ => moves.push(next),
    }
}
