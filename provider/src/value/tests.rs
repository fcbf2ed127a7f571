use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Number, Path, Type, Unknown, Value, from_json, from_msgpack, to_json, to_msgpack};

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Text), Just(Type::Number), Just(Type::Bool)];
    leaf.prop_recursive(3, 24, 4, |of| {
        prop_oneof![
            of.clone().prop_map(|of| Type::List(Box::new(of))),
            of.clone().prop_map(|of| Type::Map(Box::new(of))),
            prop::collection::vec(of.clone(), 0..4).prop_map(Type::Tuple),
            prop::collection::btree_map("[a-z]{1,4}", of, 0..4).prop_map(Type::object),
            Just(Type::Dynamic),
        ]
    })
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?(e-?[0-9]{1,3})?".prop_map(|text| Number::parse(&text).unwrap()),
    ]
}

fn values(ty: &Type, unknown: bool) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::Text => any::<String>().prop_map(Value::Text).boxed(),
        Type::Number => number().prop_map(Value::Number).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::List(of) | Type::Set(of) => prop::collection::vec(values(of, unknown), 0..4)
            .prop_map(Value::List)
            .boxed(),
        Type::Map(of) => prop::collection::btree_map(any::<String>(), values(of, unknown), 0..4)
            .prop_map(Value::Map)
            .boxed(),
        Type::Tuple(of) => of
            .iter()
            .map(|of| values(of, unknown))
            .collect::<Vec<_>>()
            .prop_map(Value::List)
            .boxed(),
        Type::Object { attributes, .. } => {
            let names: Vec<_> = attributes.keys().cloned().collect();
            let parts: Vec<_> = attributes.values().map(|of| values(of, unknown)).collect();
            parts
                .prop_map(move |parts| Value::Map(names.iter().cloned().zip(parts).collect::<BTreeMap<_, _>>()))
                .boxed()
        }
        Type::Dynamic => values(&Type::Text, false)
            .prop_map(|value| Value::Dynamic(Box::new((Type::Text, value))))
            .boxed(),
    };
    if unknown {
        prop_oneof![
            8 => known,
            1 => Just(Value::Null),
            1 => Just(Value::unknown()),
            1 => Just(Value::Unknown(Unknown::not_null())),
        ]
        .boxed()
    } else {
        prop_oneof![8 => known, 1 => Just(Value::Null)].boxed()
    }
}

fn typed(unknown: bool) -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(move |ty| {
        let values = values(&ty, unknown);
        (Just(ty), values)
    })
}

proptest! {
    #[test]
    fn msgpack_comes_back((ty, value) in typed(true)) {
        let bytes = to_msgpack(&value, &ty).unwrap();
        let back = from_msgpack(&bytes, &ty).unwrap();
        prop_assert_eq!(&back, &value);
        // The echo is exact, not only equal.
        prop_assert_eq!(to_msgpack(&back, &ty).unwrap(), bytes);
    }

    #[test]
    fn json_comes_back((ty, value) in typed(false)) {
        let text = to_json(&value, &ty).unwrap();
        let back = from_json(text.as_bytes(), &ty).unwrap();
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(to_json(&back, &ty).unwrap(), text);
    }

    #[test]
    fn types_come_back(ty in types()) {
        prop_assert_eq!(Type::from_json(&ty.to_json()).unwrap(), ty);
    }

    #[test]
    fn junk_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), ty in types()) {
        let _ = from_msgpack(&bytes, &ty);
        let _ = from_json(&bytes, &ty);
    }
}

/// The spellings that a host was seen to send come back bit by bit.
#[test]
fn numbers_are_echoed_exactly() {
    let cases: &[&[u8]] = &[
        b"\xa30.1",
        &[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
        &[0x03],
        b"\xbf1000000000000000000000000000000",
        b"\xb418446744073709551615",
        &[0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1],
        &[0xff],
    ];
    for bytes in cases {
        let value = from_msgpack(bytes, &Type::Number).unwrap();
        assert_eq!(&to_msgpack(&value, &Type::Number).unwrap(), bytes, "{value:?}");
    }
}

#[test]
fn any_extension_is_unknown() {
    assert_eq!(from_msgpack(&[0xd4, 0, 0], &Type::Text).unwrap(), Value::unknown());
    assert_eq!(from_msgpack(&[0xd4, 99, 0], &Type::Text).unwrap(), Value::unknown());
    // length(x): not null, at least 2. The refinements come back as they were.
    let refined = [0xc7, 7, 12, 0x82, 1, 0xc2, 3, 0x92, 2, 0xc3];
    let value = from_msgpack(&refined, &Type::Number).unwrap();
    assert!(value.is_unknown());
    assert_eq!(to_msgpack(&value, &Type::Number).unwrap(), refined);
    assert_eq!(to_msgpack(&Value::unknown(), &Type::Text).unwrap(), [0xd4, 0, 0]);
}

#[test]
fn a_wrong_shape_names_its_place() {
    let ty = Type::object([("paths".to_owned(), Type::List(Box::new(Type::Text)))]);
    let error = from_json(br#"{"paths": ["a", 1]}"#, &ty).unwrap_err();
    assert_eq!(error.to_string(), "`paths[1]` should be text, found a number");
    let error = from_json(br#"{"path": []}"#, &ty).unwrap_err();
    assert_eq!(error.to_string(), "`path` is not an attribute of its type");
    // An object on the wire names all its attributes; state may be older than an attribute.
    assert!(
        from_msgpack(&[0x80], &ty)
            .unwrap_err()
            .to_string()
            .contains("`paths` is missing")
    );
    assert!(from_json(b"{}", &ty).unwrap().attribute("paths").is_null());
    assert_eq!(Path::root().to_string(), "the value itself");
}
