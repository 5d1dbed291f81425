//! Which items of a stream the budgets select, against naive counts.

use curricle::test_time::budget::{Budget, Conformal, Fixed, Horizon, TokenBucket, Tracking};
use serde_json::Value;

fn uncertainty(item: u64) -> f64 {
    ((item * item * 37 + item * 11) % 257) as f64 / 256.0
}

fn coin(item: u64) -> f64 {
    ((item * 29 + 3) % 64) as f64 / 64.0
}

fn budget(case: &Value) -> Box<dyn Budget> {
    let options = &case["options"];
    let real = |name: &str| options[name].as_f64().unwrap();
    let whole = |name: &str| options[name].as_u64().unwrap();
    let sample = || {
        let ends = [0, 1].map(|end| options["sample"][end].as_u64().unwrap());
        (ends[0]..ends[1]).map(uncertainty).collect::<Vec<f64>>()
    };
    match case["budget"].as_str().unwrap() {
        "fixed" => {
            let fixed = Fixed::new(real("threshold")).unwrap();
            let Some(within) = case["within"].as_object() else { return Box::new(fixed) };
            let (rate, burst) = (within["rate"].as_f64().unwrap(), within["burst"].as_u64().unwrap());
            Box::new(TokenBucket::new(fixed, rate, burst as u32).unwrap())
        }
        "margin" => Box::new(Fixed::margin(real("tau")).unwrap()),
        "at_rate" => Box::new(Fixed::at_rate(&sample(), real("rate")).unwrap()),
        "conformal" => Box::new(Conformal::new(&sample(), real("rate")).unwrap()),
        "horizon" => {
            let horizon = Horizon::new(whole("budget"), whole("length")).unwrap();
            Box::new(horizon.window(whole("window") as usize).unwrap())
        }
        "tracking" => {
            let window = whole("window") as usize;
            Box::new(Tracking::with(real("rate"), real("eta"), window).unwrap())
        }
        other => panic!("{other} is no budget"),
    }
}

#[test]
fn selected_items() {
    let golden: Value = serde_json::from_str(include_str!("../data/budgets.json")).unwrap();
    let items = golden["items"].as_u64().unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let mut budget = budget(case);
        let wanted = |&item: &u64| budget.wants(uncertainty(item), coin(item)).unwrap().selected;
        let selected: Vec<u64> = (0..items).filter(wanted).collect();
        assert_eq!(Value::from(selected), case["selected"], "{}", case["budget"]);
    }
}
