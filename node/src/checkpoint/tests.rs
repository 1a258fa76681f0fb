//! Checkpoints on a disk that fails.
