//! Datasets of a replica whose elements are on the server.

use hdfstream::v1::Element;

/// Where a dataset's elements are.
#[derive(Debug, Clone)]
pub(super) struct RemoteDataset {
    /// Path of the file on the server.
    pub(super) file: String,
    /// Path of the dataset in it.
    pub(super) object: String,
    /// Path in the replica.
    pub(super) path: Vec<u8>,
    /// Type of the elements.
    pub(super) element: Element,
    pub(super) shape: Vec<u64>,
}

impl RemoteDataset {
    /// Elements in all.
    pub(super) fn count(&self) -> u64 {
        self.shape
            .iter()
            .fold(1, |count: u64, &one| count.saturating_mul(one))
    }

    /// Bytes in all; those of variable length count as handles.
    pub(super) fn bytes(&self) -> u64 {
        self.count().saturating_mul(self.element.size().unwrap_or(16))
    }
}
