//! Batch selections against vectors that were computed independently, in 60 digits.

use curricle::test_time::select::{Badge, FacilityLocation, KCenter, Rows, Select, Sift, residuals};
use curricle::{Purpose, Rng, Round};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("../data/uncertainty.json")).expect("golden vectors");
    let cases = file["cases"].as_array().expect("cases");
    cases.iter().filter(|case| case["kind"] == "batch").cloned().collect()
}

fn case(id: &str) -> Value {
    cases().into_iter().find(|case| case["id"] == id).unwrap_or_else(|| panic!("no case {id}"))
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn matrix(value: &Value) -> (Vec<f32>, usize) {
    let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(floats).collect();
    (rows.concat().iter().map(|&x| x as f32).collect(), rows[0].len())
}

fn indices(value: &Value) -> Vec<usize> {
    floats(value).iter().map(|&x| x as usize).collect()
}

fn close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} for {expected}");
}

fn rng() -> Rng {
    Rng::at(0, Round(0), Purpose::User)
}

#[test]
fn every_batch_case_of_the_file_is_tested_here() {
    let mut tested = vec!["kcenter_greedy", "facility_location_greedy", "badge_pair"];
    tested.extend(["sift_no_repeat", "sift_lambda_10"]);
    let ids: Vec<Value> = cases().into_iter().map(|case| case["id"].clone()).collect();
    assert!(ids.iter().all(|id| tested.contains(&id.as_str().expect("an id"))), "{ids:?}");
    assert_eq!(ids.len(), tested.len());
}

#[test]
fn k_center() {
    let case = case("kcenter_greedy");
    let (points, dim) = matrix(&case["inputs"]["points"]);
    let first = case["inputs"]["first"].as_u64().expect("an index") as usize;
    let k = case["inputs"]["k"].as_u64().expect("a count") as usize;
    let selection = KCenter::new(Rows::new(&points, dim).expect("points")).first(first);
    let order = selection.select(&[], k, &mut rng()).expect("picks");
    assert_eq!(order, indices(&case["expected"]["order"]));
    for (place, &expected) in floats(&case["expected"]["squared_distance_at_pick"]).iter().enumerate() {
        let before = selection.squared_distances(&order[..=place]).expect("distances");
        assert_eq!(f64::from(before[order[place + 1]]), expected);
    }
    let last = selection.squared_distances(&order).expect("distances");
    let radius = last.iter().fold(0.0f32, |most, &x| most.max(x));
    assert_eq!(Some(f64::from(radius)), case["expected"]["final_squared_radius"].as_f64());
}

#[test]
fn facility_location() {
    let case = case("facility_location_greedy");
    let (similarity, dim) = matrix(&case["inputs"]["similarity"]);
    let selection =
        FacilityLocation::dense(Rows::new(&similarity, dim).expect("rows")).expect("square");
    let gains = selection.gains(&[], 3).expect("picks");
    let order: Vec<usize> = gains.iter().map(|&(item, _)| item).collect();
    assert_eq!(order, indices(&case["expected"]["order"]));
    let gains: Vec<f64> = gains.iter().map(|&(_, gain)| gain).collect();
    assert_eq!(gains, floats(&case["expected"]["gains"]));
}

#[test]
fn sift() {
    for id in ["sift_no_repeat", "sift_lambda_10"] {
        let case = case(id);
        let (data, dim) = matrix(&case["inputs"]["data"]);
        let target: Vec<f32> = floats(&case["inputs"]["target"]).iter().map(|&x| x as f32).collect();
        let lambda = case["inputs"]["lambda"].as_f64().expect("a number");
        let selection = Sift::new(Rows::new(&data, dim).expect("rows"), &target).expect("a target");
        let picks = selection.lambda(lambda).variances(&[], 4).expect("picks");
        let order: Vec<usize> = picks.iter().map(|&(item, _)| item).collect();
        assert_eq!(order, indices(&case["expected"]["order"]), "{id}");
        for (&(_, found), expected) in
            picks.iter().zip(floats(&case["expected"]["posterior_variance_after"]))
        {
            close(found, expected, 1e-11);
        }
    }
}

#[test]
fn badge() {
    let case = case("badge_pair");
    let (logits, classes) = matrix(&case["inputs"]["logits"]);
    let (embeddings, dim) = matrix(&case["inputs"]["embeddings"]);
    let residuals = residuals(Rows::new(&logits, classes).expect("logits"));
    let expected = &case["expected"];
    let both = [floats(&expected["residual_0"]), floats(&expected["residual_1"])].concat();
    for (&found, &expected) in residuals.iter().zip(&both) {
        close(found.into(), expected, 1e-6);
    }
    let badge = Badge::new(
        Rows::new(&residuals, classes).expect("residuals"),
        Rows::new(&embeddings, dim).expect("embeddings"),
    )
    .expect("as many of both");
    for (item, &norm) in floats(&expected["sqnorm"]).iter().enumerate() {
        close(badge.squared_norm(item), norm, 1e-6);
    }
    close(badge.inner_product(0, 1), expected["inner"].as_f64().expect("a number"), 1e-6);
    close(badge.squared_distance(0, 1), expected["sqdist"].as_f64().expect("a number"), 1e-6);
}
