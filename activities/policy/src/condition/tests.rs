//! What conditions can say, and what they are worth.

use longhaul_contract::policy::RuleProblemKind;
use longhaul_contract::tool::Effect;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::{connection, run, tool};

fn holds(text: &str, arguments: &Value) -> Result<bool, Trouble> {
    let (run, tool) = (run(), tool("crm.refund", Effect::Money));
    let connection = connection("crm-eu", "prod");
    let facts = Facts::new(arguments, &run, &tool, Some(&connection));
    Condition::new(text).unwrap().holds(&facts)
}

fn trouble(text: &str, arguments: &Value) -> (RuleProblemKind, String) {
    let trouble = holds(text, arguments).unwrap_err();
    (trouble.kind, trouble.message)
}

fn error(text: &str) -> (u32, u32, String) {
    let error = Condition::new(text).unwrap_err();
    (error.line, error.column, error.message)
}

#[test]
fn conditions_look_at_the_call_and_the_run() {
    let arguments = json!({
        "amount": 150.5, "count": 3, "to": ["a@x.example", "b@y.example"], "note": "Hello",
        "deep": {"list": [{"n": 1}, {"n": 2}]}, "great": u64::MAX, "none": null
    });
    for text in [
        "args.amount > 100 && connection.env == \"prod\"",
        "args.count == 3 && args.count == 3.0 && args.count < args.amount",
        "args.amount * 2.0 == 301.0",
        "args.to.exists(t, t.endsWith('@y.example'))",
        "!args.to.all(t, t.endsWith('@y.example'))",
        "args.to.exists_one(t, t.matches('^a@')) && size(args.to) == 2",
        "args.to.map(t, size(t)) == [11, 11] && args.to.filter(t, t.contains('a@')).size() == 1",
        "args.deep.list[1].n == 2 && args['deep']['list'][0].n == 1",
        "args.deep.list.exists(x, x.n == 2) && args.deep == args.deep",
        "args.deep.list[0] != args.deep.list[1] && args.deep.list == args.deep.list",
        "args.great > 9223372036854775807 && args.none == null",
        "has(args.note) && !has(args.missing) && 'note' in args && !('nope' in args)",
        "args.note.matches('(?i)^hello$') && matches(args.note, 'ell')",
        "run.id == 'refunds-7' && run.agent == 'refunds' && run.turn == 3 && !run.session",
        "run.starter == 'ann' && 'prod' in run.tags && run.tags.exists(t, t == 'eu')",
        "tool.name.startsWith('crm.') && tool.effect == 'money' && !tool.idempotent",
        "connection.name == 'crm-eu' && has(connection.env) && !has(connection.zone)",
        "args.to.exists(t, run.tags.exists(g, t.contains(g)) || t.contains('@x'))",
        "size(args) == 7 && string(args.count) == '3' && int('4') == 4 && double('1.5') == 1.5",
        "args.missing == 1 || args.count == 3",
        "args.count == 3 ? true : args.missing",
    ] {
        assert_eq!(holds(text, &arguments), Ok(true), "{text}");
    }
}

#[test]
fn what_cannot_be_evaluated_says_why_without_any_value() {
    use RuleProblemKind::{Missing, TooLarge, Type, Value};
    let long: Vec<usize> = (0..=MOST_ITEMS).collect();
    let arguments = json!({
        "amount": "hunter2", "n": 3, "zero": 0, "key": "hunter2", "map": {"a": 1}, "long": long,
        "list": [1]
    });
    let said = |text| trouble(text, &arguments);
    let expected = |kind, text: &str| (kind, text.to_owned());
    assert_eq!(said("args.cost > 1"), expected(Missing, "there is no `cost`"));
    assert_eq!(said("args.map[args.key] == 1"), expected(Missing, "a map has no such key"));
    assert_eq!(
        said("args.amount > 100"),
        expected(Type, "`>` does not go with the types (string, int)")
    );
    assert_eq!(said("args.n + args.amount == 1").0, Type);
    assert_eq!(
        said("args.n * 1.5 > 1.0"),
        expected(Type, "`*` does not go with the types (int, float)")
    );
    assert_eq!(said("args.n / args.zero == 1"), expected(Value, "it divides by zero"));
    assert_eq!(said("args.n % args.zero == 1"), expected(Value, "it divides by zero"));
    assert_eq!(said("args.n + 9223372036854775807 > 1").0, Value);
    assert_eq!(said("args.n * -9223372036854775807 > 1").0, Value);
    assert_eq!(said("(-9223372036854775807 - 1) / -1 > args.zero").0, Value);
    assert_eq!(
        said("(-9223372036854775807 - 1) % -1 == args.zero + 1 || args.list[7] == 1").0,
        Value
    );
    assert_eq!(said("args.list[7] == 1"), expected(Value, "it looks beyond the end of a list"));
    assert_eq!(said("args.list[-1] == 1").0, Value);
    assert_eq!(said("int(args.amount) > 1"), expected(Value, "`int` cannot read its argument"));
    assert_eq!(
        said("args.map.all(k, k != 'b')"),
        expected(Type, "it goes over something that is not a list")
    );
    assert_eq!(said("args.n.exists(k, true)").0, Type);
    assert_eq!(
        said("args.long.exists(k, k < 0)"),
        expected(TooLarge, "it goes over more than 512 items")
    );
    assert_eq!(
        said("args.n"),
        expected(Type, "it is a value of type `int`, neither true nor false")
    );
    assert_eq!(said("args.n.matches('x')").0, Type);
    assert_eq!(said("args.n.startsWith('x')").0, Type);
    assert_eq!(said("args[1] == 1").0, Type);
    assert_eq!(said("args.n && true").0, Type);
}

#[test]
fn a_call_without_connection_has_none_to_look_at() {
    let (run, tool, arguments) = (run(), tool("crm.refund", Effect::Money), json!({}));
    let facts = Facts::new(&arguments, &run, &tool, None);
    let holds = |text| Condition::new(text).unwrap().holds(&facts);
    assert_eq!(holds("has(connection.env)"), Ok(false));
    assert_eq!(holds("connection.env == 'prod'").unwrap_err().kind, RuleProblemKind::Missing);
}

#[test]
fn what_a_condition_cannot_say_is_found_when_it_is_compiled() {
    let at = |text| error(text);
    let (line, column, message) = at("args.amount > 100 && conection.env == 'prod'");
    assert_eq!((line, column, &*message), (1, 22, "nothing is called `conection`"));
    let (line, column, message) = at("args.a == 1 &&\n  run.workflow == 'x'");
    assert_eq!((line, column), (2, 6), "{message}");
    assert_eq!(
        message,
        "`run` has no `workflow`, only `id`, `agent`, `turn`, `session`, `starter`, `tags`"
    );
    assert_eq!(at("'ä' == 'ö' && nope").1, 15);
    for (text, expected) in [
        ("has(run.owner)", "`run` has no `owner`"),
        ("tool.kind == 'x'", "`tool` has no `kind`"),
        ("args.all(k, k != 'x')", "`args` is a map, and `all`, `exists`, … go over lists only"),
        ("connection.exists(k, true)", "`connection` is a map"),
        ("{'a': 1}.all(k, true)", "a condition makes no maps"),
        ("args.x == {}", "a condition makes no maps"),
        ("Msg{a: 1} == args.x", "a condition makes no maps and no messages"),
        ("now() > 1", "there is no function `now`"),
        ("args.x.now()", "there is no function `now`"),
        ("duration('1h') > args.x", "there is no function `duration`"),
        ("timestamp(args.x) > 1", "there is no function `timestamp`"),
        ("type(args.x) == int", "there is no function `type`"),
        ("int == args.x", "nothing is called `int`"),
        (".args.x == 1", "nothing is called `.args`"),
        ("size(args.x, 1) == 1", "`size` takes another number of arguments"),
        ("args.x.matches(args.y)", "the pattern of `matches` is not written out"),
        ("args.x.matches('(')", "not a regular expression"),
        ("args.x.matches('a{999}{999}{999}')", "not a regular expression"),
        ("args.x.all(k)", "`all` is not written like that"),
        ("has(args)", "it is no CEL"),
        ("args.a.all(x, args.b.all(y, args.c.all(z, x == y)))", "more than 2 of `all`"),
        ("args.x.all(run, run == 1)", "the variable has the name of another one"),
        ("1 + 1", "it is neither true nor false"),
        ("'yes'", "it is neither true nor false"),
        ("[true]", "it is neither true nor false"),
        ("args.?x == 1", "it is no CEL"),
        (" \n", "it is empty"),
        ("args.x >", "it is no CEL"),
        ("args.x = 1", "it is no CEL"),
    ] {
        let message = error(text).2;
        assert!(message.starts_with(expected), "{text}: {message}");
    }
    let place = |text| {
        let (line, column, _) = error(text);
        (line, column)
    };
    assert_eq!(place("args.x = 1"), (1, 8));
    assert_eq!(place("args.x == 1 &&\n  ) 2"), (2, 3));
    assert_eq!(place("'ä' == )"), (1, 8));
    assert_eq!(place("args.x == 'abc"), (1, 11));
    let long = format!("args.x == '{}'", "x".repeat(MOST_TEXT));
    assert!(error(&long).2.starts_with("it has 4108 bytes"));
}

#[test]
fn deep_syntax_is_refused_and_not_followed() {
    for open in ["(", "[", "!", "-", "args.x.all(y, ", "size("] {
        for count in [MOST_BRACKETS, MOST_TEXT / open.len()] {
            let text: String = open.repeat(count);
            assert!(Condition::new(&text).is_err(), "{open}");
        }
    }
    let nested = format!("{}args.n == 1{}", "(".repeat(MOST_BRACKETS), ")".repeat(MOST_BRACKETS));
    assert_eq!(holds(&nested, &json!({"n": 1})), Ok(true));
    for (text, whole) in [
        (format!("args.x{} == 1", ".a".repeat(2_000)), false),
        (format!("1{} > args.n", " + 1".repeat(1_000)), false),
        (format!("args.n == 1{}", " ? true : args.n == 1".repeat(180)), false),
        (format!("args.x{} == 1 || true", ".a".repeat(MOST_DEPTH - 5)), true),
        (format!("1{} > args.n", " + 1".repeat(MOST_DEPTH - 3)), true),
        (format!("args.n == 1{}", " || args.n == 2".repeat(250)), true),
        (format!("{}true || args.n == 1", "!".repeat(4_000)), true),
    ] {
        let compiled = Condition::new(&text);
        assert_eq!(compiled.is_ok(), whole, "{text}: {compiled:?}");
        if whole {
            assert_eq!(holds(&text, &json!({"n": 1, "x": {}})), Ok(true), "{text}");
        }
    }
}

#[test]
fn conditions_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Condition>();
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_compiles_or_does_not(text in ".{0,60}") {
        let _ = Condition::new(&text);
    }

    #[test]
    fn words_of_conditions_compile_or_do_not(
        words in prop::collection::vec(prop::sample::select(vec![
            "args", ".", "a", "b", "(", ")", "[", "]", "==", "&&", "||", "!", "1", "'x'", "in",
            "exists(", "x,", "x", "has(", "matches(", "{", "}", "?", ":", "-", "%", "/", "0", "<",
        ]), 0..14),
        a in json_value(),
        b in json_value(),
    ) {
        if let Ok(condition) = Condition::new(&words.concat()) {
            let (run, tool, arguments) = (run(), tool("x", Effect::Read), json!({"a": a, "b": b}));
            let facts = Facts::new(&arguments, &run, &tool, None);
            let first = condition.holds(&facts);
            for _ in 0..4 {
                prop_assert_eq!(&first, &condition.holds(&facts));
            }
        }
    }

    #[test]
    fn the_same_facts_give_the_same_value(a in json_value(), b in json_value()) {
        let texts = [
            "args.a == args.b", "args.a in args", "args.a in args.b", "size(args.a) == size(args.b)",
            "args.a.exists(x, x == args.b)", "args.b.all(x, x in args.a)", "args.a < args.b",
            "args.a.map(x, [x]) == args.b.map(x, [x])", "args.a[0] == args.b.a",
        ];
        let arguments = json!({"a": a, "b": b});
        for text in texts {
            let first = holds(text, &arguments);
            for _ in 0..4 {
                prop_assert_eq!(&first, &holds(text, &arguments), "{}", text);
            }
        }
    }

    #[test]
    fn maps_are_equal_whatever_the_order_of_their_keys(map in prop::collection::btree_map("[a-e]", any::<i32>(), 0..5)) {
        let forward: serde_json::Map<_, _> = map.clone().into_iter().map(|(k, v)| (k, json!(v))).collect();
        let backward: serde_json::Map<_, _> = map.into_iter().rev().map(|(k, v)| (k, json!(v))).collect();
        prop_assert_eq!(holds("args.a == args.b", &json!({"a": forward, "b": backward})), Ok(true));
    }
}
