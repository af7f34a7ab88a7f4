//! Runs of sub-flows are found from the run that started them, and what is printed of them can be typed.

use super::Shell;

/// A run of `season` with its sub-flow, and the short ids of both.
fn with_sub_flow() -> (Shell, String, String) {
    let shell = Shell::new();
    shell.call("run season").ok();
    let lines = shell.call("runs --sub-flows --output json").ok().lines();
    let id = |flow: &str| {
        let run = lines.iter().find(|line| line["flow"] == flow).unwrap();
        run["run"].as_str().unwrap().to_owned()
    };
    let (outer, inner) = (id("season"), id("scoring"));
    (shell, outer, inner)
}

#[test]
fn runs_of_sub_flows_are_listed_with_the_run_that_started_them() {
    let (shell, outer, inner) = with_sub_flow();
    assert_eq!(shell.call("runs").ok().out.lines().count(), 1);
    let listed = shell.call("runs --sub-flows flow:scoring").ok().out;
    assert!(listed.starts_with(&inner) && listed.contains(&format!("  in {outer}  ")), "{listed}");
    let none = shell.call("runs flow:scoring").ok();
    assert!(none.out.is_empty() && none.err.contains("add `--sub-flows`"), "{none:?}");
    let found = shell.call("runs flow:scoring --sub-flows --output json").ok().line("run");
    assert_eq!((&found["run"], &found["parent"]), (&inner.as_str().into(), &outer.as_str().into()));
}

#[test]
fn a_run_is_shown_with_the_ids_and_the_metrics_of_its_sub_flows() {
    let (shell, outer, inner) = with_sub_flow();
    let shown = shell.call("show").ok().out;
    let line = shown.lines().find(|line| line.contains("sub-flow")).unwrap();
    assert!(line.contains(" scoring ") && line.contains(&format!("run {inner}  ✓ Completed in ")), "{shown}");
    let metric = shown.lines().find(|line| line.contains("metric") && line.contains("accuracy")).unwrap();
    assert!(metric.contains("0.5") && metric.ends_with("in scoring"), "{shown}");
    let shown = shell.call(&format!("show {inner}")).ok().out;
    assert!(shown.contains(&format!("a sub-flow of run {outer}")), "{shown}");
    assert_eq!(shell.call("show last:scoring").ok().out, shown);
    let lines = shell.call("show --output json").ok().lines();
    let node = lines.iter().find(|line| line["label"] == "scoring").unwrap();
    assert_eq!((&node["run"], &node["sub_flow"]), (&outer.as_str().into(), &inner.as_str().into()));
    assert!(lines.iter().any(|line| line["t"] == "metric" && line["run"] == *inner), "{lines:?}");
}

#[test]
fn the_log_of_a_run_has_the_lines_of_its_sub_flows_in_order_with_their_labels() {
    let (shell, ..) = with_sub_flow();
    let said = |typed: &str| -> Vec<String> {
        let logs = shell.call(typed).ok().out;
        logs.lines().map(|line| line.split(" INFO  ").nth(1).unwrap().to_owned()).collect()
    };
    let own = "scoring › score of forest: scored forest";
    assert_eq!(said("logs"), ["season: begins", own, "season: ends"]);
    for typed in ["'scoring › score of forest'", "score", "'score of forest'", "'scoring › score'"] {
        assert_eq!(said(&format!("logs last {typed}")), [own], "{typed}");
    }
}

#[test]
fn every_label_that_is_printed_means_its_task_run() {
    let shell = Shell::new();
    shell.write("data.txt", "");
    let answer = shell.call("run nested --file data.txt").ok();
    let ended = answer.err.lines().filter_map(|line| line.split("] ok      ").nth(1));
    let labels: Vec<&str> = ended.map(|rest| rest.split("  ").next().unwrap().trim()).collect();
    assert!(labels.contains(&"etl › double[1]") && labels.contains(&"fragile › load"), "{labels:?}");
    for label in labels {
        let shown = shell.call(&format!("show last '{label}'")).ok().out;
        assert!(shown.contains(&format!("✓ {label}  Completed")), "{label}: {shown}");
    }
    // Cut, as in a line of a run.
    let shown = shell.call("show last 'fragile › lo…'").ok().out;
    assert!(shown.starts_with("✓ fragile › load  Completed"), "{shown}");
    let unknown = shell.call("show last 'fragile › laod'");
    assert!(unknown.code == Some(2) && unknown.err.contains("did you mean `fragile › load`?"), "{unknown:?}");
}

#[test]
fn one_run_of_a_mapped_task_is_done_again_with_what_used_its_result() {
    let shell = Shell::new();
    shell.call("run etl --rows 3").ok();
    let dry = shell.call("rerun --from 'double[1]' --dry-run").ok().out;
    assert!(dry.contains("double ×3  2 kept, 1 run"), "{dry}");
    let again = shell.call("rerun --from 'double[1]' --output json").ok();
    assert_eq!(again.started(), ["double[1]", "total"]);
    let unknown = shell.call("rerun --from 'double[7]'");
    assert!(unknown.code == Some(2) && unknown.err.contains("has no task `double[7]`"), "{unknown:?}");
}

#[test]
fn a_rerun_says_what_it_retries_beside_what_was_named() {
    let shell = Shell::new();
    shell.call("run fragile --file data.txt");
    let none = shell.call("rerun --from load --dry-run").ok().out;
    assert!(!none.contains("elsewhere"), "{none}");
    // It takes a number, which makes no edge.
    let dry = shell.call("rerun --from extract --dry-run").ok().out;
    assert!(dry.contains("what failed elsewhere is retried as well: `load`"), "{dry}");
    shell.call("run nested --file data.txt");
    let said = "what failed elsewhere is retried as well: `fragile`";
    let dry = shell.call("rerun --from quadruple --dry-run").ok().out;
    assert!(dry.contains(said), "{dry}");
    let done = shell.call("rerun --from quadruple");
    assert!(done.err.contains(said), "{done:?}");
    let inside = shell.call("rerun --from 'fragile › load'");
    assert!(inside.code == Some(2) && inside.err.contains("its sub-flow `fragile` has"), "{inside:?}");
}

#[test]
fn sub_flows_are_clusters_of_a_graph_or_one_node_each() {
    let (shell, ..) = with_sub_flow();
    let text = shell.call("graph").ok().out;
    assert_eq!(text, "✓ scoring\n  ✓ score of forest\n  ✓ passing\n");
    assert_eq!(shell.call("graph --fold-sub-flows").ok().out, "✓ scoring\n");
    let mermaid = shell.call("graph --format mermaid").ok().out;
    assert!(mermaid.contains("subgraph g0[\"scoring\"]") && mermaid.contains("score of forest"), "{mermaid}");
    let nodes = |typed: &str| {
        let json: serde_json::Value = serde_json::from_str(&shell.call(typed).ok().out).unwrap();
        json["nodes"].as_array().unwrap().len()
    };
    assert_eq!((nodes("graph --format json"), nodes("graph --format json --fold-sub-flows")), (3, 1));
}

#[test]
fn runs_are_compared_by_the_metrics_of_their_sub_flows_and_the_best_is_marked() {
    let shell = Shell::new();
    shell.call("run season --value 0.5 --loss 2.0").ok();
    shell.call("run season --value 0.50000000001 --loss 1.0").ok();
    let row = |typed: &str, name: &str| {
        let compared = shell.call(typed).ok();
        assert!(
            compared.err.is_empty() == typed.contains("output") && compared.code == Some(0),
            "{compared:?}"
        );
        let row = compared.out.lines().find(|line| line.contains(name)).unwrap().to_owned();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let both = "compare last~1 last";
    assert_eq!(row(both, "accuracy"), "≠ metric scoring › accuracy ↑ 0.5 0.50000000001 *");
    assert_eq!(row(both, "› loss"), "≠ metric scoring › loss ↓ 2 1 *");
    let higher = format!("{both} --higher 'scoring › loss' --lower 'scoring › accuracy'");
    assert_eq!(row(&higher, "› loss"), "≠ metric scoring › loss ↑ 2 * 1");
    assert_eq!(row(&higher, "accuracy"), "≠ metric scoring › accuracy ↓ 0.5 * 0.50000000001");
    assert_eq!(
        row(&format!("{both} --output csv"), "accuracy"),
        "metric scoring › accuracy,0.5,0.50000000001"
    );
    assert_eq!(row("diff --output csv", "param loss"), "param loss,2.0,1.0");
    let lines = shell.call(&format!("{both} --output json")).ok().lines();
    let loss = lines.iter().find(|line| line["name"] == "metric scoring › loss").unwrap();
    assert_eq!((&loss["better"], &loss["values"]), (&"lower".into(), &serde_json::json!([2.0, 1.0])));
    assert_eq!(loss["best"], serde_json::json!([loss["runs"][1]]));
    let unknown = shell.call(&format!("{both} --lower los"));
    assert!(unknown.code == Some(2) && unknown.err.contains("have no metric `los`"), "{unknown:?}");
}

#[test]
fn a_flow_is_listed_with_its_tags_which_find_its_runs() {
    let (shell, outer, _) = with_sub_flow();
    let listed = shell.call("list").ok().out;
    assert!(listed.contains("\n    tags nightly, ml\n"), "{listed}");
    let lines = shell.call("list --output json").ok().lines();
    let season = lines.iter().find(|line| line["flow"] == "season").unwrap();
    assert_eq!(season["tags"], serde_json::json!(["nightly", "ml"]));
    assert_eq!(shell.call("runs tag:ml --output json").ok().line("run")["run"], outer);
}
