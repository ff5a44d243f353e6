//! The file as the program that writes it sees it: what it wrote over what it staged over what the server has.

use super::State;
use crate::remote_file::Source;
use crate::{Class, Error};

/// Bytes that are wanted and not found yet.
struct Gap<'a> {
    class: Class,
    offset: u64,
    buffer: &'a mut [u8],
}

impl<'a> Gap<'a> {
    fn end(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Adds the parts of this that lie in `ranges`, ascending and within it, to `inside`, the others to `outside`.
    fn divide(self, ranges: &[(u64, u64)], inside: &mut Vec<Self>, outside: &mut Vec<Self>) {
        let class = self.class;
        let add = |to: &mut Vec<Self>, offset, buffer: &'a mut [u8]| {
            if !buffer.is_empty() {
                to.push(Gap {
                    class,
                    offset,
                    buffer,
                });
            }
        };
        let (mut at, mut rest) = (self.offset, self.buffer);
        for &(start, length) in ranges {
            let (before, after) = rest.split_at_mut((start - at) as usize);
            let (here, after) = after.split_at_mut(length as usize);
            add(outside, at, before);
            add(inside, start, here);
            rest = after;
            at = start + length;
        }
        add(outside, at, rest);
    }
}

/// Fills the gaps from one place; returns what is not there. `copy` fills what it has, and says what it has not.
fn fill<'a>(
    gaps: Vec<Gap<'a>>,
    mut copy: impl FnMut(u64, &mut [u8]) -> Result<Vec<(u64, u64)>, Error>,
) -> Result<Vec<Gap<'a>>, Error> {
    let mut left = Vec::new();
    for gap in gaps {
        let missing = copy(gap.offset, gap.buffer)?;
        gap.divide(&missing, &mut left, &mut Vec::new());
    }
    Ok(left)
}

impl State {
    pub(super) fn read(&self, pieces: &mut [(Class, u64, &mut [u8])]) -> Result<(), Error> {
        let mut gaps = Vec::new();
        for (class, offset, buffer) in pieces {
            let inside = (buffer.len() as u64).min(self.size.saturating_sub(*offset));
            let (buffer, beyond) = buffer.split_at_mut(inside as usize);
            beyond.fill(0);
            gaps.push(Gap {
                class: *class,
                offset: *offset,
                buffer,
            });
        }
        let mut staged = Vec::new();
        for layer in [Some(&self.open), self.frozen.as_ref().map(|frozen| &frozen.layer)] {
            let Some(layer) = layer else {
                continue;
            };
            gaps = fill(gaps, |offset, buffer| {
                let copied = layer.overlay.copy(offset, buffer);
                copied.map_err(|error| self.spill_error(&error))
            })?;
            gaps = fill(gaps, |offset, buffer| Ok(layer.parts.copy(offset, buffer)))?;
            let mut left = Vec::new();
            for gap in gaps {
                let there = layer.parts.staged().within(gap.offset, gap.buffer.len() as u64);
                gap.divide(&there, &mut staged, &mut left);
            }
            gaps = left;
        }
        if let Some((at, own)) = &self.own {
            let mut left = Vec::new();
            for gap in gaps {
                let start = gap.offset.max(*at);
                let end = gap.end().min(at + own.len() as u64);
                let here = (start < end).then(|| (start, end - start));
                let mut found = Vec::new();
                gap.divide(here.as_slice(), &mut found, &mut left);
                for gap in found {
                    let from = (gap.offset - at) as usize;
                    gap.buffer.copy_from_slice(&own[from..from + gap.buffer.len()]);
                }
            }
            gaps = left;
        }
        self.read_staged(staged)?;
        match &self.base {
            Some(base) if !gaps.is_empty() => {
                let mut pieces: Vec<_> = gaps
                    .into_iter()
                    .map(|gap| (gap.class, gap.offset, gap.buffer))
                    .collect();
                base.read_vector(&mut pieces)
            }
            _ => {
                gaps.into_iter().for_each(|gap| gap.buffer.fill(0));
                Ok(())
            }
        }
    }

    /// Reads what only the server has any more, and shows to nobody but us.
    fn read_staged(&self, mut gaps: Vec<Gap<'_>>) -> Result<(), Error> {
        if gaps.is_empty() {
            return Ok(());
        }
        let site = &self.session.site;
        let source = Source {
            server: site.server.clone(),
            base: site.base.clone(),
            path: site.path.clone(),
            version: self.version().to_owned(),
            url: site.url.clone(),
            lease: Some(self.session.lease().to_owned()),
        };
        gaps.sort_by_key(|gap| gap.offset);
        while !gaps.is_empty() {
            // One request wants its ranges apart from each other; the caller's need not be.
            let mut end = 0;
            let (now, later): (Vec<_>, Vec<_>) = gaps.into_iter().partition(|gap| {
                let apart = gap.offset >= end;
                if apart {
                    end = gap.end();
                }
                apart
            });
            source.read(now.into_iter().map(|gap| (gap.offset, gap.buffer)).collect())?;
            gaps = later;
        }
        Ok(())
    }
}
