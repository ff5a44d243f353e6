//! The two ways to write slices.

use crate::v1::refusal::Refusal;
use crate::v1::selection::{Blocks, Disorder, MAX_BLOCKS, MAX_DIMENSIONS};

/// Longest text.
const MAX_TEXT: usize = 8 << 20;

/// A dimension of the array form.
#[derive(Debug)]
pub(super) struct Dimension {
    pub(super) start: Numbers,
    pub(super) count: Numbers,
}

/// An integer or several.
#[derive(Debug)]
pub(super) enum Numbers {
    One(i64),
    Many(Vec<i64>),
}

/// `0:10,0:3;20:30,0:3`.
pub(super) fn of_text(text: &str) -> Result<Blocks, Refusal> {
    let malformed = || Refusal::bad("Unable to interpret slice parameter");
    if text.len() > MAX_TEXT {
        return Err(Refusal::bad("Slice string is too long"));
    }
    if text.trim().is_empty() {
        return Ok(Blocks::scalar());
    }
    let mut blocks: Option<Blocks> = None;
    for (number, block) in text.split(';').enumerate() {
        if number >= MAX_BLOCKS {
            return Err(Refusal::bad("Too many slices"));
        }
        let ranges: Option<Vec<(u64, u64)>> = block.split(',').take(MAX_DIMENSIONS + 1).map(range).collect();
        let ranges = ranges.ok_or_else(malformed)?;
        let Some((&(start, count), rest)) = ranges.split_first() else {
            return Err(malformed());
        };
        if ranges.len() > MAX_DIMENSIONS {
            return Err(Refusal::bad("Too many dimensions in slice"));
        }
        let blocks = blocks.get_or_insert_with(|| Blocks::new(rest.to_vec()));
        if blocks.rest != rest {
            return Err(Refusal::bad(
                "Slices must have the same range in all dimensions but the first",
            ));
        }
        blocks.push(start, count).map_err(disorder)?;
    }
    blocks.ok_or_else(malformed)
}

/// `a:b` or `a`, as start and count.
fn range(text: &str) -> Option<(u64, u64)> {
    let number = |text: &str| {
        let text = text.trim();
        // The standard library would take a sign.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    match text.split_once(':') {
        Some((start, end)) => {
            let start = number(start)?;
            Some((start, number(end)?.checked_sub(start)?))
        }
        None => Some((number(text)?, 1)),
    }
}

/// `[[[10, 20], [5, 10]], [0, 3]]`.
pub(super) fn of_array(dimensions: Vec<Dimension>) -> Result<Blocks, Refusal> {
    if dimensions.len() > MAX_DIMENSIONS {
        return Err(Refusal::bad("Too many dimensions in slice"));
    }
    let mut dimensions = dimensions.into_iter();
    let Some(first) = dimensions.next() else {
        return Ok(Blocks::scalar());
    };
    let rest: Result<Vec<(u64, u64)>, Refusal> = dimensions
        .map(|dimension| Ok((natural(one(dimension.start)?)?, natural(one(dimension.count)?)?)))
        .collect();
    let mut blocks = Blocks::new(rest?);
    let starts = match first.start {
        Numbers::One(start) => vec![start],
        Numbers::Many(starts) if starts.is_empty() => return Err(Refusal::bad("Slice without blocks")),
        Numbers::Many(starts) => starts,
    };
    let unequal = || Refusal::bad("Slice starts and counts have different lengths");
    match first.count {
        Numbers::Many(counts) if counts.len() != 1 => {
            if counts.len() != starts.len() {
                return Err(unequal());
            }
            for (start, count) in starts.into_iter().zip(counts) {
                blocks.push(natural(start)?, natural(count)?).map_err(disorder)?;
            }
        }
        count => {
            let count = natural(one(count)?)?;
            for start in starts {
                blocks.push(natural(start)?, count).map_err(disorder)?;
            }
        }
    }
    Ok(blocks)
}

fn one(numbers: Numbers) -> Result<i64, Refusal> {
    match numbers {
        Numbers::One(number) => Ok(number),
        Numbers::Many(numbers) => match numbers[..] {
            [number] => Ok(number),
            _ => Err(Refusal::bad("Slice needs one integer for each bound")),
        },
    }
}

/// The stock server finds negative numbers of this form when it reads.
fn natural(number: i64) -> Result<u64, Refusal> {
    u64::try_from(number).map_err(|_| Refusal::unreadable("slice", "negative numbers are not understood"))
}

fn disorder(disorder: Disorder) -> Refusal {
    Refusal::unreadable("slice", disorder)
}
