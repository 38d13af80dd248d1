//! `/openapi.json` and the router say the same: no route without a description, no description without a route.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may, as tests may")]

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use partita::time::Host;
use shop::app::{Files, Shop};
use shop::ordering::Options;
use std::collections::{BTreeMap, BTreeSet};
use tower::ServiceExt;

/// Routes that only say "there is no such thing" below a path.
const NOTHING_THERE: [&str; 4] = ["/console/{*rest}", "/psp/v1", "/psp/v1/", "/psp/v1/{*rest}"];

type Routes = BTreeMap<String, BTreeSet<String>>;

/// The paths of a router: axum tells them to nobody but `Debug`, as the values of `paths: {RouteId(0): "/", ..}`.
fn paths(router: &Router) -> Vec<String> {
    let text = format!("{router:?}");
    let (_, paths) = text.split_once("paths: {").expect("axum shows paths in another way now");
    let paths = &paths[..paths.find("\"}").expect("a list that ends")];
    paths.split("RouteId(").filter_map(|one| one.split('"').nth(1)).map(str::to_owned).collect()
}

/// The methods of a path, as `Allow` names them to a method that nobody has.
async fn methods(router: &Router, path: &str) -> BTreeSet<String> {
    let request = Request::builder().method("BREW").uri(path.replace(['{', '}'], "")).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 405, "{path}");
    let allow = answer.headers()[header::ALLOW].to_str().unwrap();
    allow.split(',').map(|method| method.trim().to_owned()).collect()
}

async fn served(router: &Router) -> Routes {
    let mut routes = Routes::new();
    for path in paths(router).into_iter().filter(|path| !NOTHING_THERE.contains(&path.as_str())) {
        let methods = methods(router, &path).await;
        routes.insert(path, methods);
    }
    routes
}

fn described() -> Routes {
    let document = shop::openapi::document();
    let upper = |operations: &serde_json::Value| {
        let methods = operations.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase());
        // Every GET answers HEAD too, without a body.
        methods
            .flat_map(|method| if method == "GET" { vec!["HEAD".to_owned(), method] } else { vec![method] })
            .collect()
    };
    document["paths"].as_object().unwrap().iter().map(|(path, operations)| (path.clone(), upper(operations))).collect()
}

#[tokio::test]
async fn every_route_is_described_and_every_description_has_its_route() {
    let temp = tempfile::tempdir().unwrap();
    let (host, group) = Host::system();
    let files = Files::at(temp.path(), &host).unwrap();
    let shop = Shop::open(&files, Options::default(), "http://shop", &host).await.unwrap();
    let served = served(&shop.router()).await;
    assert!(served.len() >= 18, "{served:?}");
    assert_eq!(served, described());
    let undescribed = shop.router().route("/new", axum::routing::put(async || "new"));
    assert!(paths(&undescribed).contains(&"/new".to_owned()), "a new route is seen");
    shop.close().await;
    group.end().await;
}
