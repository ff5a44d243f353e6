//! Regular hyperslabs: blocks at equal distances in each dimension.

/// A selection within one dimension: `count` blocks of `block` elements, `stride` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// First selected element.
    pub start: u64,
    /// From block to block.
    pub stride: u64,
    /// Number of blocks.
    pub count: u64,
    /// Elements of a block.
    pub block: u64,
}

impl Axis {
    /// All of `extent` elements.
    #[must_use]
    pub fn all(extent: u64) -> Self {
        Self {
            start: 0,
            stride: extent,
            count: 1,
            block: extent,
        }
    }

    /// The same, as one block if its blocks touch.
    fn joined(self) -> Self {
        match self.count > 1 && self.block == self.stride {
            true => Self {
                stride: self.length(),
                count: 1,
                block: self.length(),
                ..self
            },
            false => self,
        }
    }

    /// Whether this selects something within `extent` elements, and each of them once.
    fn fits(&self, extent: u64) -> bool {
        let last = || {
            let blocks = (self.count - 1).checked_mul(self.stride)?;
            self.start.checked_add(blocks)?.checked_add(self.block)
        };
        self.count > 0
            && self.block > 0
            && (self.count == 1 || self.block <= self.stride)
            && last().is_some_and(|end| end <= extent)
    }

    /// Number of selected elements.
    pub(super) fn length(&self) -> u64 {
        self.count * self.block
    }

    /// Where the selected element `number` is.
    pub(super) fn coordinate(&self, number: u64) -> u64 {
        self.start + number / self.block * self.stride + number % self.block
    }

    /// The last selected element.
    pub(super) fn last(&self) -> u64 {
        self.coordinate(self.length() - 1)
    }

    /// How many selected elements come before `coordinate`.
    pub(super) fn before(&self, coordinate: u64) -> u64 {
        let Some(offset) = coordinate.checked_sub(self.start) else {
            return 0;
        };
        let stride = self.stride.max(1);
        let (blocks, rest) = match self.count {
            1 => (0, offset),
            _ => (offset / stride, offset % stride),
        };
        match blocks >= self.count {
            true => self.length(),
            false => blocks * self.block + rest.min(self.block),
        }
    }
}

/// A regular hyperslab of a dataspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slab {
    pub(super) axes: Vec<Axis>,
    pub(super) extents: Vec<u64>,
}

impl Slab {
    /// The hyperslab of these axes in a space of these extents; `None` when it is empty or leads out of the space.
    #[must_use]
    pub fn new(axes: Vec<Axis>, extents: Vec<u64>) -> Option<Self> {
        let fits =
            axes.len() == extents.len() && axes.iter().zip(&extents).all(|(axis, extent)| axis.fits(*extent));
        // So that nothing overflows that is made of these.
        let size = extents
            .iter()
            .try_fold(1u64, |size, extent| size.checked_mul(*extent));
        (fits && size.is_some_and(|size| size <= i64::MAX as u64)).then(|| Self {
            axes: axes.into_iter().map(Axis::joined).collect(),
            extents,
        })
    }

    /// All of a space of these extents; `None` when it is empty.
    #[must_use]
    pub fn all(extents: Vec<u64>) -> Option<Self> {
        Self::new(extents.iter().copied().map(Axis::all).collect(), extents)
    }

    /// Number of selected elements.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.axes.iter().map(Axis::length).product()
    }

    /// Extents of the space.
    #[must_use]
    pub fn extents(&self) -> &[u64] {
        &self.extents
    }

    /// First and last selected element of each dimension.
    #[must_use]
    pub fn bounds(&self) -> (Vec<u64>, Vec<u64>) {
        let first = self.axes.iter().map(|axis| axis.start).collect();
        (first, self.axes.iter().map(Axis::last).collect())
    }

    /// Number of the first selected element, if all are one after the other.
    #[must_use]
    pub fn begin_without_gaps(&self) -> Option<u64> {
        let steps = self.steps();
        let place = |bounds: &[u64]| bounds.iter().zip(&steps).map(|(at, step)| at * step).sum::<u64>();
        let (first, last) = self.bounds();
        (place(&last) - place(&first) + 1 == self.count()).then(|| place(&first))
    }

    /// How far apart neighbours are, by dimension, elements.
    pub(super) fn steps(&self) -> Vec<u64> {
        row_major(&self.extents)
    }
}

/// Distances of neighbours in an array of these extents, by dimension, elements.
pub(super) fn row_major(extents: &[u64]) -> Vec<u64> {
    let mut steps = vec![1; extents.len()];
    for dimension in (1..extents.len()).rev() {
        steps[dimension - 1] = steps[dimension] * extents[dimension];
    }
    steps
}
