//! Policies by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Policies of one kind by name, in the order of their names. Clones share one registry.
pub struct Registry<P>(Arc<RwLock<BTreeMap<Arc<str>, P>>>);

impl<P: Clone> Registry<P> {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a policy; returns the one that had the name before.
    pub fn add(&self, name: &str, policy: P) -> Option<P> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), policy)
    }

    /// The policy of a name.
    ///
    /// # Errors
    /// There is none; the error lists the names there are.
    pub fn get(&self, name: &str) -> Result<P, UnknownName> {
        let policies = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let unknown = || UnknownName { name: name.into(), names: policies.keys().cloned().collect() };
        policies.get(name).cloned().ok_or_else(unknown)
    }

    /// Every policy with its name.
    pub fn all(&self) -> Vec<(Arc<str>, P)> {
        let policies = self.0.read().unwrap_or_else(PoisonError::into_inner);
        policies.iter().map(|(name, policy)| (Arc::clone(name), policy.clone())).collect()
    }
}

impl<P> Default for Registry<P> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<P> Clone for Registry<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> fmt::Debug for Registry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policies = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(policies.keys()).finish()
    }
}

/// No policy has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The name asked for.
    pub name: Box<str>,
    /// Those there are.
    pub names: Vec<Arc<str>>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no policy is named `{}`; ", self.name)?;
        if self.names.is_empty() {
            return f.write_str("the registry is empty: add one first");
        }
        write!(f, "there are: {}", self.names.join(", "))
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_the_names_there_are() {
        let registry = Registry::new();
        assert_eq!(
            registry.get("a").unwrap_err().to_string(),
            "no policy is named `a`; the registry is empty: add one first"
        );
        assert_eq!((registry.add("stock", 1), registry.add("pay", 2), registry.add("pay", 3)), (None, None, Some(2)));
        assert_eq!(registry.get("pay"), Ok(3));
        let error = registry.get("payments").unwrap_err();
        assert_eq!(error.to_string(), "no policy is named `payments`; there are: pay, stock");
    }
}
