//! Many equal calls made one.
