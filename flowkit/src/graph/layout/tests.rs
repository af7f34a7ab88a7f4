//! What every layout promises, whatever the graph: no overlaps, no lines behind boxes.

use proptest::prelude::*;

use super::{Block, Layout, LayoutLink, Rect, layout};

/// Heights are sums of floats.
const EPSILON: f64 = 1e-6;

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let group = proptest::option::weighted(0.4, 0..3_usize);
    let block = (20..200_u32, 20..60_u32, group);
    let block =
        block.prop_map(|(width, height, group)| Block { width: width.into(), height: height.into(), group });
    proptest::collection::vec(block, 1..40).prop_map(|mut blocks| {
        // Groups are numbered without gaps.
        let mut seen: Vec<usize> = Vec::new();
        for group in blocks.iter_mut().filter_map(|block| block.group.as_mut()) {
            let number = seen.iter().position(|seen| seen == group);
            let number = number.unwrap_or_else(|| {
                seen.push(*group);
                seen.len() - 1
            });
            *group = number;
        }
        blocks
    })
}

/// Blocks, and links in any direction.
fn graphs() -> impl Strategy<Value = (Vec<Block>, Vec<LayoutLink>)> {
    blocks().prop_flat_map(|blocks| {
        let count = blocks.len();
        let label = proptest::option::weighted(0.2, Just((70.0, 18.0)));
        let links = proptest::collection::vec((0..count, 0..count, label), 0..60);
        let links = links.prop_map(|links| {
            let links = links.into_iter().filter(|(from, to, _)| from != to);
            links.map(|(from, to, label)| LayoutLink { from, to, label }).collect()
        });
        (Just(blocks), links)
    })
}

/// Blocks, and links that lead from an earlier block to a later one.
fn acyclic_graphs() -> impl Strategy<Value = (Vec<Block>, Vec<LayoutLink>)> {
    graphs().prop_map(|(blocks, mut links)| {
        for link in &mut links {
            (link.from, link.to) = (link.from.min(link.to), link.from.max(link.to));
        }
        (blocks, links)
    })
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    a.left + EPSILON < b.right()
        && b.left + EPSILON < a.right()
        && a.top + EPSILON < b.bottom()
        && b.top + EPSILON < a.bottom()
}

/// The rectangle around a piece of a route: for a level piece, the piece itself.
fn around(from: (f64, f64), to: (f64, f64)) -> Rect {
    let (left, top) = (from.0.min(to.0), from.1.min(to.1));
    let (width, height) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
    // A hair thick, or it could not overlap anything.
    Rect { left, top: top - 0.01, width, height: height + 0.02 }
}

fn overlapping_pair(rects: &[Rect]) -> Option<(&Rect, &Rect)> {
    let pairs = rects.iter().enumerate().flat_map(|(at, a)| rects[..at].iter().map(move |b| (a, b)));
    pairs.into_iter().find(|(a, b)| overlap(a, b))
}

fn labels(layout: &Layout) -> Vec<Rect> {
    layout.routes.iter().filter_map(|route| route.label).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_edge_leads_to_a_later_column((blocks, links) in acyclic_graphs()) {
        let layout = layout(&blocks, &links);
        for link in &links {
            prop_assert!(layout.boxes[link.from].right() < layout.boxes[link.to].left);
        }
    }

    #[test]
    fn every_box_is_placed_once_at_its_own_size((blocks, links) in graphs()) {
        let layout = layout(&blocks, &links);
        prop_assert_eq!(layout.boxes.len(), blocks.len());
        prop_assert_eq!(layout.routes.len(), links.len());
        for (rect, block) in layout.boxes.iter().zip(&blocks) {
            prop_assert!((rect.height - block.height).abs() < EPSILON && rect.width > block.width - EPSILON);
        }
        for rect in layout.boxes.iter().chain(&layout.groups).chain(&labels(&layout)) {
            prop_assert!(rect.left >= 0.0 && rect.top >= 0.0);
            prop_assert!(rect.right() <= layout.width + EPSILON);
            prop_assert!(rect.bottom() <= layout.height + EPSILON);
        }
    }

    #[test]
    fn no_two_boxes_or_labels_overlap((blocks, links) in graphs()) {
        let layout = layout(&blocks, &links);
        let rects = [layout.boxes.clone(), labels(&layout)].concat();
        prop_assert_eq!(overlapping_pair(&rects), None);
        prop_assert_eq!(labels(&layout).len(), links.iter().filter(|link| link.label.is_some()).count());
    }

    #[test]
    fn no_route_passes_behind_a_box((blocks, links) in graphs()) {
        let layout = layout(&blocks, &links);
        for route in &layout.routes {
            for piece in route.points.windows(2) {
                let piece = around(piece[0], piece[1]);
                prop_assert!(!layout.boxes.iter().any(|rect| overlap(rect, &piece)));
            }
        }
    }

    #[test]
    fn routes_join_the_borders_of_their_boxes((blocks, links) in acyclic_graphs()) {
        let layout = layout(&blocks, &links);
        for (link, route) in links.iter().zip(&layout.routes) {
            let (from, to) = (layout.boxes[link.from], layout.boxes[link.to]);
            let (first, last) = (route.points[0], route.points[route.points.len() - 1]);
            prop_assert!((first.0 - from.right()).abs() < EPSILON);
            prop_assert!((last.0 - to.left).abs() < EPSILON);
            prop_assert!((first.1 - from.top - from.height / 2.0).abs() < EPSILON);
            prop_assert!((last.1 - to.top - to.height / 2.0).abs() < EPSILON);
        }
    }

    #[test]
    fn a_group_holds_its_boxes_and_no_others((blocks, links) in graphs()) {
        let layout = layout(&blocks, &links);
        for (number, group) in layout.groups.iter().enumerate() {
            for (rect, block) in layout.boxes.iter().zip(&blocks) {
                prop_assert_eq!(overlap(rect, group), block.group == Some(number));
            }
        }
        prop_assert_eq!(overlapping_pair(&layout.groups), None);
    }

    #[test]
    fn the_same_graph_gives_the_same_layout((blocks, links) in graphs()) {
        prop_assert_eq!(layout(&blocks, &links), layout(&blocks, &links));
    }
}

const BLOCK: Block = Block { width: 100.0, height: 40.0, group: None };

fn link(from: usize, to: usize) -> LayoutLink {
    LayoutLink { from, to, label: None }
}

#[test]
fn an_empty_graph_is_an_empty_picture() {
    let layout = layout(&[], &[]);
    assert_eq!((layout.boxes.len(), layout.width, layout.height), (0, 0.0, 0.0));
}

#[test]
fn a_chain_is_level() {
    let layout = layout(&[BLOCK; 4], &[link(0, 1), link(1, 2), link(2, 3)]);
    assert!(layout.boxes.iter().all(|rect| rect.top.abs() < EPSILON));
}

#[test]
fn a_cycle_has_one_arrow_from_right_to_left() {
    let layout = layout(&[BLOCK; 3], &[link(0, 1), link(1, 2), link(2, 0)]);
    let backward = |route: &&super::Route| route.points[0].0 > route.points[route.points.len() - 1].0;
    assert_eq!(layout.routes.iter().filter(backward).count(), 1);
}

#[test]
fn a_box_that_waits_for_nothing_stands_before_its_first_reader() {
    let layout = layout(&[BLOCK; 4], &[link(0, 1), link(1, 2), link(3, 2)]);
    assert!((layout.boxes[3].left - layout.boxes[1].left).abs() < EPSILON);
}

#[test]
fn a_long_link_is_straight_between_its_ends() {
    let layout = layout(&[BLOCK; 5], &[link(0, 1), link(1, 2), link(2, 3), link(3, 4), link(0, 4)]);
    let points = &layout.routes[4].points;
    assert_eq!(points.len(), 8);
    assert!(points[1..7].iter().all(|point| (point.1 - points[1].1).abs() < EPSILON));
}
