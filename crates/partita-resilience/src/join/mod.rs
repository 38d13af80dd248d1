//! Calls at the same time, some of which the answer can do without.
//!
//! ```
//! # use partita_resilience::join::{Join, critical};
//! # use std::time::Duration;
//! # async fn product() -> Result<&'static str, std::io::Error> { Ok("lamp") }
//! # async fn price() -> Result<u32, std::io::Error> { Ok(20) }
//! # async fn reviews() -> Result<Vec<String>, std::io::Error> { Err(std::io::Error::other("down")) }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), std::io::Error> {
//! let page = Join::new("product page", Duration::from_millis(200));
//! let reviews = page.optional("reviews", reviews(), Vec::new);
//! let (product, price, reviews) = page.all((critical(product()), critical(price()), reviews)).await?;
//! # assert_eq!((product, price, reviews.len(), page.snapshot().optional[0].failed), ("lamp", 20, 0, 1));
//! # Ok(())
//! # }
//! ```
//!
//! The first failure of a critical call ends the whole at once, and drops the rest. An optional call that fails, or takes
//! longer than its own shorter timeout, yields its default, and is counted under its name.

mod all;
mod core;
mod part;
#[cfg(test)]
mod tests;

pub use self::core::{Join, JoinSnapshot, OptionalSnapshot};
pub use all::Parts;
pub use part::{Critical, Optional, Part, critical};
