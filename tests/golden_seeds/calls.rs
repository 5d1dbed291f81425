//! Each method of the file as a call of the public API.

use curricle::dial::RewardRange;
use curricle::gauge::{
    Consistency, GainKind, GainNorm, InformationGain, Overlap, PairLogps, PreferenceRanking,
    balance_score, coverage, density_ratio, distinct_ngrams, implicit_reward, pass_at_k_s,
    preference_loss, quality_gap, self_reward, slot_guess, step_advantage, surprise,
};
use curricle::monitor::{
    CurveFit, Direction, Forgetting, Probes, TrendAlarm, TwoParameterLogistic, bootstrap_interval,
    gain_split, item_discrimination, kendall_tau, relative_gain, seed_noise, sequence_learning,
};
use curricle::route::{
    BalancedKeep, EditPair, GroupFilter, HintRoute, PairGates, PreferenceBands, Responses,
    StudentProbe, Treatment,
};
use curricle::weigh::{
    EaseRule, OffPolicyShape, RampedWeight, ease, inverse_power, listwise_residual, residual,
    top_share, weighted_sum,
};
use curricle::{Result, Schedule};
use serde_json::{Value, json};

use crate::value::{
    count, counts, each, flag, flags, integers, maybe, number, numbered, numbers, opt, opts, out,
    out_rows, outs, rows, size, tables, texts, tokens, unsayable, words,
};

fn names(treatments: &[Treatment]) -> Value {
    treatments.iter().map(|it| Value::from(it.name())).collect()
}

fn curve(with: &Value) -> Result<CurveFit> {
    let direction = match with["direction"].as_str() {
        Some("rising") => Direction::Rising,
        Some("falling") => Direction::Falling,
        _ => return Err(unsayable("direction")),
    };
    let exponent = numbers(&with["exponent"]);
    Ok(CurveFit {
        direction,
        bound: maybe(&with["bound"], number),
        exponent: (exponent[0], exponent[1]),
    })
}

pub fn call(method: &str, with: &Value) -> Result<Value> {
    let num = |key: &str| number(&with[key]);
    let nums = |key: &str| numbers(&with[key]);
    let rows = |key: &str| rows(&with[key]);
    let flags = |key: &str| flags(&with[key]);
    let is = |key: &str| flag(&with[key]);
    Ok(match method {
        "care_bonus" => {
            let cap = maybe(&with["cap"], number);
            let (bonus, margin, floor) = (num("bonus"), num("margin"), num("floor"));
            let it = Consistency { bonus, margin, cap, floor }
                .read(&nums("accuracy"), &rows("answer_logprobs"))?;
            json!({ "accurate": it.accurate, "confidence": opts(&it.confidence),
                "mean_confidence": opt(it.mean_confidence), "bonus": outs(&it.bonus), "reward": outs(&it.reward) })
        }
        "sequence_learning" => {
            let types = maybe(&with["types"], numbered);
            let it = sequence_learning(
                &rows("outcomes"),
                types.as_deref(),
                size("warmup", &with["warmup"])?,
            )?;
            json!({ "accuracy": it.accuracy, "position_accuracy": outs(&it.position_accuracy), "slope": opt(it.slope),
                "first_success": it.first_success, "longest_run": it.longest_run, "post_warmup": it.post_warmup })
        }
        "preference_ranking" => {
            let lists = ["ref_chosen", "ref_rejected", "policy_chosen", "policy_rejected"].map(nums);
            let [ref_chosen, ref_rejected, policy_chosen, policy_rejected] = &lists;
            let pairs = PairLogps { ref_chosen, ref_rejected, policy_chosen, policy_rejected };
            let (beta, gamma, epsilon) = (num("beta"), num("gamma"), num("epsilon"));
            let agreement = maybe(&with["agreement"], numbers);
            let it = PreferenceRanking { beta, gamma, epsilon }.read(pairs, agreement.as_deref())?;
            json!({ "difficulty": outs(&it.difficulty), "loss": outs(&it.loss), "flip_loss": outs(&it.flip_loss),
                "ranked": it.ranked, "reward_right": it.reward_right, "ideal_margin": opts(&it.ideal_margin),
                "ideal_right": it.ideal_right, "ranking_accuracy": it.ranking_accuracy,
                "reward_accuracy": it.reward_accuracy, "ideal_accuracy": opt(it.ideal_accuracy) })
        }
        "hard_share" => {
            let it = surprise(&rows("logps"))?;
            let selected = top_share(&it.mean_surprise, &integers(&with["stratum"]), num("share"))?;
            json!({ "mean_surprise": outs(&it.mean_surprise), "perplexity": outs(&it.perplexity),
                "selected": selected })
        }
        "pair_gates" => {
            let (min_gap, min_best, max_overlap) =
                (num("min_gap"), num("min_best"), num("max_overlap"));
            let it = PairGates { min_gap, min_best, max_overlap }
                .route(&nums("values"), &words(&with["texts"]))?;
            json!({ "chosen": it.chosen, "rejected": it.rejected, "gap": it.gap, "overlap": it.overlap,
                "keep": it.reason.is_none(), "reason": it.reason.map(|reason| reason.name()) })
        }
        "learning_curve_fit" => {
            let it = curve(with)?.fit(&nums("x"), &nums("y"))?;
            json!({ "limit": it.limit, "scale": it.scale, "exponent": opt(it.exponent), "sse": it.sse,
                "remaining": it.remaining, "flat": it.flat, "at_edge": it.at_edge, "at_bound": it.at_bound })
        }
        "learning_curve_stop" => {
            let patience = size("patience", &with["patience"])?;
            let it = curve(with)?.stop(&nums("x"), &nums("y"), num("threshold"), patience)?;
            json!({ "levels": it.levels, "limits": outs(&it.limits), "remaining": outs(&it.remaining),
                "prediction_level": it.prediction_level, "stop_level": it.stop_level, "stop_x": opt(it.stop_x) })
        }
        "asymptote_compare" => {
            let recipes =
                each(&with["recipes"], |recipe| (numbers(&recipe["x"]), numbers(&recipe["y"])));
            let it = curve(with)?.compare(&recipes)?;
            json!({ "limits": outs(&it.limits), "exponents": opts(&it.exponents), "order": it.order,
                "equivalent_x": opts(&it.equivalent_x) })
        }
        "quality_gap" => {
            let it = quality_gap(&nums("chosen"), &nums("rejected"), num("min_gap"))?;
            json!({ "gap": outs(&it.gap), "keep": it.keep, "kept": it.kept, "mean_gap": opt(it.mean_gap) })
        }
        "seed_noise" => {
            let it = seed_noise(&rows("scores"))?;
            json!({ "mean": outs(&it.mean), "std": outs(&it.std), "seed_noise": it.seed_noise, "snr": opt(it.snr) })
        }
        "kendall_tau" => {
            let it = kendall_tau(&nums("y"), maybe(&with["x"], numbers).as_deref())?;
            json!({ "concordant": it.concordant, "discordant": it.discordant, "tied_x": it.tied_x,
                "tied_y": it.tied_y, "tau_a": it.tau_a, "tau_b": opt(it.tau_b) })
        }
        "bootstrap_interval" => {
            let indices = each(&with["indices"], |row| {
                let row = counts("indices", row)?;
                Ok(row.into_iter().map(|index| index as usize).collect::<Vec<usize>>())
            });
            let indices = indices.into_iter().collect::<Result<Vec<_>>>()?;
            let it = bootstrap_interval(&nums("values"), &indices, num("level"), num("z"))?;
            json!({ "mean": it.mean, "low": it.low, "high": it.high, "std_error": it.std_error,
                "analytic_half_width": opt(it.analytic_half_width) })
        }
        "item_discrimination" => {
            let it = item_discrimination(&rows("outcomes"))?;
            json!({ "ability": outs(&it.ability), "r": opts(&it.r), "r_rest": opts(&it.r_rest) })
        }
        "probe_selection" => {
            let (size, quota) = (size("size", &with["size"])?, num("quota"));
            let blind_limit = count("blind_limit", &with["blind_limit"])?;
            let blind = counts("blind", &with["blind"])?;
            let it = Probes { size, blind_limit, quota }.select(
                &rows("outcomes"),
                &blind,
                &flags("verified"),
            )?;
            json!({ "selected": it.selected, "frontier": it.frontier, "total_discrimination": it.total_discrimination })
        }
        "forgetting" => {
            let left_at =
                each(&with["left_at"], |mark| maybe(mark, |mark| size("left_at", mark)).transpose());
            let left_at = left_at.into_iter().collect::<Result<Vec<_>>>()?;
            let it = Forgetting { window: size("window", &with["window"])? }
                .read(&rows("accuracy"), &left_at)?;
            json!({ "min_accuracy": opts(&it.min_accuracy), "mean_min": opt(it.mean_min), "final_mean": it.final_mean,
                "worst_case": it.worst_case, "drop": outs(&it.drop), "mean_drop": it.mean_drop,
                "rise": outs(&it.rise), "mean_rise": it.mean_rise })
        }
        "hint_route" => {
            let (low, high, threshold) = (num("low"), num("high"), num("threshold"));
            let hinted = each(&with["hinted"], |hinted| maybe(hinted, number));
            let it = HintRoute { low, high, threshold }.route(&nums("accuracy"), &hinted)?;
            let again: Vec<_> = it.hinted.iter().map(|it| it.as_ref().map(Treatment::name)).collect();
            json!({ "route": names(&it.treatment), "hinted_route": again, "trained": it.trained })
        }
        "off_policy_shape" => {
            let shape = OffPolicyShape { quantile: num("quantile"), floor: num("floor") };
            let it = shape.read(&nums("logp"), &nums("old_logp"), &flags("off_policy"))?;
            json!({ "gate": opt(it.gate), "ratio": outs(&it.ratio) })
        }
        "gain_split" => {
            let it = gain_split(&flags("before"), &flags("before_at_k"), &flags("after"))?;
            json!({ "newly_solved": it.newly_solved, "self_distilled": it.self_distilled,
                "capability": it.capability, "lost": it.lost, "capability_share": opt(it.capability_share) })
        }
        "edit_pair" => {
            let pair = EditPair { max_distance: num("max_distance"), min_gap: num("min_gap") };
            let quality = (num("quality_good"), num("quality_bad"));
            let it = pair.route(&tokens(&with["good"]), &tokens(&with["bad"]), quality)?;
            json!({ "distance": it.distance, "share": it.share, "gap": it.gap, "keep": it.keep })
        }
        "step_advantage" => {
            let of = |key: &'static str| counts(key, &with[key]);
            let best_of =
                u32::try_from(count("best_of", &with["best_of"])?).map_err(|_| unsayable("best_of"))?;
            let it = step_advantage(&of("successes")?, &of("rollouts")?, best_of)?;
            json!({ "q": outs(&it.q), "advantage": outs(&it.advantage), "first_pit": it.first_pit,
                "total": it.total, "q_best_of": outs(&it.q_best_of) })
        }
        "ease" => {
            let rule = match with["rule"].as_str() {
                Some("reciprocal_rank") => EaseRule::ReciprocalRank,
                Some("min_max") => EaseRule::MinMax,
                Some("kde") => EaseRule::Kde,
                _ => return Err(unsayable("rule")),
            };
            json!({ "ease": outs(&ease(&nums("scores"), rule)?) })
        }
        "ramped_weight" => {
            let ramp = RampedWeight { length: num("length"), smooth: num("smooth"), anti: is("anti") };
            let it = match with["mode"].as_str() {
                Some("pointwise") => ramp.pointwise(&nums("ease"), &flags("relevant"), num("epoch"))?,
                Some("pairwise") => ramp.pairwise(&nums("ease"), &rows("negatives"), num("epoch"))?,
                _ => return Err(unsayable("mode")),
            };
            json!({ "base": outs(&it.base), "weight": outs(&it.weight) })
        }
        "student_probe" => {
            let answer = maybe(&with["answer"], integers);
            let probe = StudentProbe { share: num("share") };
            let it = probe.read(
                &tables(&with["outcomes"]),
                &integers(&with["question"]),
                answer.as_deref(),
            )?;
            let pair = |pair: &Option<Treatment>| match pair {
                Some(Treatment::Pair { chosen, rejected }) => json!([chosen, rejected]),
                _ => Value::Null,
            };
            let vote = it.vote.map(|vote| {
                json!({ "majority": vote.majority, "max": vote.max, "sum": vote.sum, "mean": vote.mean })
            });
            json!({ "score": outs(&it.score), "question_score": outs(&it.question_score),
                "pairs": it.pairs.iter().map(pair).collect::<Value>(), "top": it.top, "bottom": it.bottom,
                "vote": vote })
        }
        "irt_2pl_map" => {
            let model = TwoParameterLogistic {
                nodes: size("nodes", &with["nodes"])?,
                span: num("span"),
                sd_log_a: num("sd_log_a"),
                sd_b: num("sd_b"),
            };
            let it = model.fit(&rows("outcomes"), size("keep", &with["keep"])?)?;
            json!({ "discrimination": outs(&it.discrimination), "difficulty": outs(&it.difficulty),
                "log_posterior": it.log_posterior, "probes": it.probes })
        }
        "information_gain" => {
            let kind = match with["kind"].as_str() {
                Some("prob") => GainKind::Prob,
                Some("log_prob") => GainKind::LogProb,
                _ => return Err(unsayable("kind")),
            };
            let norm = match with["norm"].as_str() {
                Some("none") => GainNorm::None,
                Some("joint") => GainNorm::Joint,
                Some("separate") => GainNorm::Separate,
                _ => return Err(unsayable("norm")),
            };
            let gain = InformationGain { kind, norm, gamma: num("gamma") };
            let it = gain.read(&tables(&with["logps"]), &nums("outcome"))?;
            json!({ "value": out_rows(&it.value), "reward": out_rows(&it.reward),
                "normalised": out_rows(&it.normalised), "advantage": out_rows(&it.advantage),
                "total_gain": outs(&it.total_gain), "dead": it.dead })
        }
        "balance_score" => {
            let of = |key: &'static str| counts(key, &with[key]);
            let it = balance_score(&of("kept")?, &of("correct")?, count("target", &with["target"])?)?;
            json!({ "score": outs(&it.score), "mean": it.mean })
        }
        "balanced_keep" => {
            let queries = each(&with["queries"], |query| {
                Ok((
                    counts("id", &query["id"])?,
                    crate::value::flags(&query["correct"]),
                    numbers(&query["prm"]),
                ))
            });
            let queries = queries.into_iter().collect::<Result<Vec<_>>>()?;
            let responses: Vec<Responses> = queries
                .iter()
                .map(|(id, correct, step_score)| Responses { id, correct, step_score })
                .collect();
            let keep = BalancedKeep {
                threshold: num("threshold"),
                wanted: size("wanted", &with["wanted"])?,
                target: count("target", &with["target"])?,
                max_cap: size("max_cap", &with["max_cap"])?,
            };
            let it = keep.route(&responses)?;
            json!({ "cap": it.cap, "kept": it.kept, "n": it.n, "correct": it.correct, "mean": it.mean })
        }
        "pass_at_k_s" => {
            let of = |key: &'static str| counts(key, &with[key]);
            let it = pass_at_k_s(
                &of("n")?,
                &of("correct")?,
                count("k", &with["k"])?,
                count("s", &with["s"])?,
            )?;
            json!({ "p": outs(&it.score), "mean": it.mean })
        }
        "ngram_contamination" => {
            let overlap =
                Overlap { n: size("n", &with["n"])?, coverage: num("coverage"), rate: num("rate") };
            let it = overlap.read(&texts(&with["tests"]), &texts(&with["train"]))?;
            json!({ "coverage": out_rows(&it.coverage), "score": outs(&it.score), "flagged": it.flagged,
                "rate": it.rate, "contaminated": it.contaminated, "drop": it.drop })
        }
        "group_filter" => {
            let filter = GroupFilter {
                max_score: num("max_score"),
                retire_rate: maybe(&with["retire_rate"], number),
            };
            let it = filter.route(&rows("rewards"))?;
            json!({ "solved_rate": outs(&it.solved_rate), "equal": it.equal, "treatment": names(&it.treatment),
                "retire": it.retire, "dropped_zero": it.dropped_zero, "dropped_solved": it.dropped_solved,
                "dropped_other": it.dropped_other, "refill": it.refill })
        }
        "self_reward" => {
            let it = self_reward(&rows("logps"), is("normalise"))?;
            json!({ "score": outs(&it.score), "best": it.best, "worst": it.worst })
        }
        "coverage" => {
            let it = coverage(&nums("best_logp"), num("delta"))?;
            json!({ "log_coverage": it.log_coverage, "coverage": out(it.coverage), "samples": outs(&it.samples) })
        }
        "density_ratio" => {
            let it = density_ratio(&rows("strong"), &rows("weak"), is("per_token"))?;
            json!({ "log_ratio": outs(&it.log_ratio), "score": outs(&it.score), "best": it.best,
                "worst": it.worst, "gap": it.gap })
        }
        "preference_strength" => {
            let bands = <[f64; 3]>::try_from(nums("bands")).map_err(|_| unsayable("bands"))?;
            let it = PreferenceBands { bands }.route(&rows("chosen"), &rows("rejected"))?;
            json!({ "mean": outs(&it.mean), "std": outs(&it.std), "order": it.order,
                "treatment": names(&it.treatment), "margin": outs(&it.margin) })
        }
        "preference_loss" => {
            let it = preference_loss(&nums("gap"), &nums("margin"), num("smoothing"))?;
            json!({ "plain": outs(&it.plain), "smoothed": outs(&it.smoothed), "flipped": outs(&it.flipped),
                "with_margin": outs(&it.with_margin), "smoothed_with_margin": outs(&it.smoothed_with_margin) })
        }
        "slot_guess" => {
            let of = |key: &'static str| count(key, &with[key]);
            let it = slot_guess(of("hits")?, of("trials")?, num("chance"), num("level"))?;
            json!({ "rate": it.rate, "z": opt(it.z), "p_value": it.p_value, "alarm": it.alarm })
        }
        "reward_range" => {
            let end = |key: &str| {
                let (from, to) = (number(&with[key]["start"]), number(&with[key]["end"]));
                let rounds = count("steps", &with[key]["steps"])?;
                match with["mode"].as_str() {
                    Some("linear") => Ok(Schedule::Linear { from, to, rounds }),
                    Some("abrupt") => Ok(Schedule::Step { from, to, rounds }),
                    _ => Err(unsayable("mode")),
                }
            };
            let range = RewardRange { low: end("low")?, high: end("high")? };
            let it = range.read(&counts("at", &with["at"])?, &nums("fraction"))?;
            json!({ "low": outs(&it.low), "high": outs(&it.high), "reward": outs(&it.reward) })
        }
        "distinct_ngrams" => {
            let it = distinct_ngrams(&tokens(&with["tokens"]), size("n", &with["n"])?)?;
            json!({ "total": it.total, "distinct": it.distinct, "ratio": opt(it.ratio) })
        }
        "implicit_reward" => {
            let it =
                implicit_reward(&rows("policy"), &rows("reference"), num("beta"), is("per_token"))?;
            json!({ "token": out_rows(&it.token), "reward": outs(&it.reward) })
        }
        "relative_gain" => {
            let it = relative_gain(&rows("table"))?;
            let gain: Value = it.gain.iter().map(|row| opts(row)).collect();
            json!({ "gain": gain, "mean": opts(&it.mean), "spread": outs(&it.spread) })
        }
        "inverse_power_weights" => {
            json!({ "weight": outs(&inverse_power(&nums("values"), num("gamma"))?) })
        }
        "weighted_sum" => {
            let (centre, scale) = (maybe(&with["centre"], numbers), maybe(&with["scale"], numbers));
            let units = centre.as_deref().zip(scale.as_deref());
            json!({ "value": outs(&weighted_sum(&rows("parts"), &nums("weights"), units)?) })
        }
        "trend_alarm" => {
            let alarm = TrendAlarm {
                log_x: is("log_x"),
                higher_is_better: is("higher_is_better"),
                least_t: num("least_t"),
            };
            let it = alarm.read(&nums("x"), &nums("y"))?;
            json!({ "slope": it.slope, "intercept": it.intercept, "std_error": opt(it.std_error), "t": opt(it.t),
                "alarm": it.alarm, "shape": it.shape.map(|shape| shape.name()) })
        }
        "residual_weight" => {
            let it = match with["mode"].as_str() {
                Some("pointwise") => {
                    let label = each(&with["label"], |label| match number(label) {
                        0.0 => Ok(false),
                        1.0 => Ok(true),
                        _ => Err(unsayable("label")),
                    });
                    let label = label.into_iter().collect::<Result<Vec<bool>>>()?;
                    residual(&nums("yes"), &nums("no"), &label)?
                }
                Some("listwise") => listwise_residual(
                    &nums("yes"),
                    size("positive", &with["positive"])?,
                    num("temperature"),
                )?,
                _ => return Err(unsayable("mode")),
            };
            json!({ "p": outs(&it.p), "weight": outs(&it.weight) })
        }
        other => panic!("no call for `{other}`"),
    })
}
