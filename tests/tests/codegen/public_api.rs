//! The public API of each crate, one line an item: what a release may break is seen in review.

use cargo_batch_tests::public_api;

#[test]
fn of_the_types() {
    snapshot("cargo-batch-types");
}

#[test]
fn of_the_client() {
    snapshot("cargo-batch-client");
}

fn snapshot(package: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("../snapshots/public-api");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(package, public_api(package)));
}
