//! What the shop sells.

use serde_json::{Value, json};

/// Something to buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its name for machines, unique and never used again.
    pub sku: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Price of one, in euro cents.
    pub price: u64,
    /// How many a new shop has on hand.
    pub stock: u64,
}

const PLENTY: u64 = 1_000_000;

const fn product(sku: &'static str, name: &'static str, price: u64, stock: u64) -> Product {
    Product { sku, name, price, stock }
}

const CATALOG: [Product; 10] = [
    product("espresso-cup", "Espresso cup, stoneware", 1_250, PLENTY),
    product("notebook-a5", "Notebook A5, dotted", 890, PLENTY),
    product("desk-lamp", "Desk lamp, brass", 7_900, PLENTY),
    product("wool-blanket", "Wool blanket, grey", 11_900, PLENTY),
    product("fountain-pen", "Fountain pen, fine nib", 3_450, PLENTY),
    product("tea-kettle", "Tea kettle, 1.2 litres", 5_600, PLENTY),
    product("linen-towel", "Linen towel", 1_990, PLENTY),
    product("wall-clock", "Wall clock, oak", 8_200, PLENTY),
    product("scarce", "Music box, the last five", 2_400, 5),
    product("sold-out", "Music box, first edition", 24_000, 0),
];

/// All products: first those that there is plenty of, then `scarce` and `sold-out`.
pub fn catalog() -> &'static [Product] {
    &CATALOG
}

/// The product with a sku.
pub fn product_of(sku: &str) -> Option<&'static Product> {
    CATALOG.iter().find(|product| product.sku == sku)
}

/// The body of `GET /products`.
pub fn products_body() -> Value {
    let shown = |product: &Product| {
        let Product { sku, name, price, .. } = *product;
        json!({"sku": sku, "name": name, "price": price, "currency": "EUR"})
    };
    json!({"products": CATALOG.iter().map(shown).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plenty_comes_first_then_scarce_and_sold_out() {
        let (plenty, rest) = CATALOG.split_at(8);
        assert!(plenty.iter().all(|product| product.stock == 1_000_000));
        assert_eq!(
            rest.iter().map(|product| (product.sku, product.stock)).collect::<Vec<_>>(),
            [("scarce", 5), ("sold-out", 0)]
        );
    }

    #[test]
    fn skus_are_unique_and_found() {
        let skus: std::collections::BTreeSet<_> = CATALOG.iter().map(|product| product.sku).collect();
        assert_eq!(skus.len(), CATALOG.len());
        assert!(CATALOG.iter().all(|product| product_of(product.sku) == Some(product)));
        assert_eq!(product_of("unknown"), None);
    }

    #[test]
    fn the_body_shows_what_a_buyer_needs() {
        let first = &products_body()["products"][0];
        assert_eq!(
            *first,
            json!({"sku": "espresso-cup", "name": "Espresso cup, stoneware", "price": 1250, "currency": "EUR"})
        );
    }
}
