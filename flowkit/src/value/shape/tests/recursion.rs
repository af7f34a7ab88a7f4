//! Types that contain themselves: the walk ends, and what is beside them is seen.

use super::*;

#[derive(Deserialize)]
#[serde(rename = "Tree")]
#[allow(dead_code, reason = "only its shape counts")]
struct Tree<L, X> {
    left: Option<Box<Tree<L, X>>>,
    more: Vec<Tree<L, X>>,
    leaf: L,
    by_name: HashMap<String, Tree<L, X>>,
    after: X,
}

#[test]
fn tree_is_walked_to_an_end_and_its_leaves_are_seen() {
    assert_all_different(&[
        shape_of::<Tree<u8, u8>>(),
        shape_of::<Tree<u16, u8>>(),
        shape_of::<Tree<u8, u16>>(),
        shape_of::<Vec<Tree<u8, u16>>>(),
    ]);
}

/// Forty ways to contain itself twice.
macro_rules! expressions {
    ($last:ty; $($name:ident)+) => {
        #[derive(Deserialize)]
        #[serde(rename = "E")]
        #[allow(dead_code, reason = "only its shape counts")]
        enum E { $($name(Box<E>, Box<E>, u8),)+ Number(u8), Last(Box<E>, $last) }
    };
}

#[test]
fn large_grammar_is_walked_to_an_end_and_its_last_variant_is_seen() {
    let narrow = {
        expressions!(u8; A B C D E1 F G H I J K L M N O P Q R S T U V W X Y Z A2 B2 C2 D2 E2 F2 G2 H2 I2 J2 K2 L2 M2 N2);
        shape_of::<E>()
    };
    let wide = {
        expressions!(u16; A B C D E1 F G H I J K L M N O P Q R S T U V W X Y Z A2 B2 C2 D2 E2 F2 G2 H2 I2 J2 K2 L2 M2 N2);
        shape_of::<E>()
    };
    assert_ne!(narrow, wide);
}

#[test]
fn generic_type_inside_itself_is_followed_although_its_name_repeats() {
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape counts")]
    struct Page<T> {
        items: Vec<T>,
    }
    assert_all_different(&[
        shape_of::<Page<u8>>(),
        shape_of::<Page<Page<u8>>>(),
        shape_of::<Page<Page<u16>>>(),
        shape_of::<Page<Page<Page<u8>>>>(),
        shape_of::<Page<Page<Page<Page<u8>>>>>(),
        shape_of::<Page<Page<Page<Page<u16>>>>>(),
    ]);
}

#[test]
fn types_that_contain_themselves_without_a_name_or_an_end_do_not_loop() {
    #[derive(Deserialize)]
    #[serde(transparent)]
    #[allow(dead_code, reason = "only its shape counts")]
    struct Lists(Vec<Lists>);
    #[derive(Deserialize)]
    #[serde(transparent)]
    #[allow(dead_code, reason = "only its shape counts")]
    struct Pairs((Vec<Pairs>, Vec<Pairs>));
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape counts")]
    struct Endless {
        again: Box<Endless>,
        beside: u8,
    }
    #[derive(Deserialize)]
    #[serde(transparent)]
    #[allow(dead_code, reason = "only its shape counts")]
    struct EndlessPairs(Box<(EndlessPairs, EndlessPairs)>);
    assert_all_different(&[
        shape_of::<Lists>(),
        shape_of::<Pairs>(),
        shape_of::<Endless>(),
        shape_of::<EndlessPairs>(),
    ]);
}

#[test]
fn types_that_contain_each_other_do_not_loop() {
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape counts")]
    enum Statement<X> {
        Block(Vec<Statement<X>>),
        If { condition: Expression<X>, then: Box<Statement<X>> },
    }
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape counts")]
    enum Expression<X> {
        Run(Box<Statement<X>>),
        Not(Box<Expression<X>>),
        Literal(X),
    }
    assert_ne!(shape_of::<Statement<u8>>(), shape_of::<Statement<u16>>());
}

#[test]
fn very_large_type_is_an_end_too() {
    type Wide = [[[u8; 32]; 32]; 32];
    assert_eq!(shape_of::<Wide>(), shape_of::<Wide>());
}
