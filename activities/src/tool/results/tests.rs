//! Pages and previews of long results.

use proptest::prelude::*;

use super::*;

#[test]
fn an_id_says_which_blob() {
    let blob = BlobRef::to(b"some text");
    assert_eq!(parse(&id(&blob)), Ok(blob.clone()));
    assert_eq!(parse(&format!(" {} ", id(&blob))), Ok(blob.clone()));
    let hash = blob.hash.as_str();
    for wrong in ["", "x", hash, &format!("{hash}:"), &format!("{hash}:-1"), "sha256:ab:3"] {
        assert!(parse(wrong).unwrap_err().contains("sha256:…"), "{wrong}");
    }
    assert!(parse(&id(&blob).to_uppercase()).is_err());
}

#[test]
fn arguments_have_defaults() {
    let blob = BlobRef::to(b"some text");
    let (read, rest) = arguments(&json!({"id": id(&blob)})).unwrap();
    assert_eq!((read, rest.offset, rest.limit), (blob, 0, MOST));
    assert!(arguments(&json!({"offset": 1})).unwrap_err().contains("id"));
}

#[test]
fn a_page_says_where_it_is() {
    let text = page("abcdef", 2, 3);
    assert_eq!(
        text,
        "[bytes 2 to 5 of 6; for the next page call `results.read` with the same `id` and \
         `offset` 5]\ncde"
    );
    assert_eq!(page("abcdef", 5, 3), "[bytes 5 to 6 of 6; this is the end]\nf");
    assert!(page("abcdef", 6, 3).contains("from 0 to 5"));
    assert_eq!(page("", 0, 3), "[bytes 0 to 0 of 0; this is the end]\n");
    assert!(page(&"x".repeat(20_000), 0, u64::MAX).len() < 13_000);
    assert!(page("abcdef", u64::MAX, 3).starts_with("[nothing"));
}

#[test]
fn a_preview_tells_how_to_read_on() {
    let whole = "ä".repeat(10_000) + "z";
    let odd = format!("x{whole}");
    for whole in [&whole, &odd] {
        let blob = BlobRef::to(whole.as_bytes());
        let shown = preview(whole, &blob);
        let (kept, line) = shown.split_once("\n[").unwrap();
        assert!(kept.len() <= PREVIEW && kept.len() > PREVIEW - 2);
        assert!(line.starts_with(&format!("{} more bytes", whole.len() - kept.len())), "{line}");
        let (_, call) = line.split_once("with ").unwrap();
        let call: Value = serde_json::from_str(call.trim_end_matches(']')).unwrap();
        let (read, rest) = arguments(&call).unwrap();
        assert_eq!((read, rest.offset), (blob, u64::try_from(kept.len()).unwrap()));
    }
}

proptest! {
    #[test]
    fn pages_leave_nothing_out(whole in "[a-zäö€𝄞\n]{0,200}", limit in 1u64..40) {
        let mut read = String::new();
        loop {
            let text = page(&whole, u64::try_from(read.len()).unwrap(), limit);
            let (line, shown) = text.split_once('\n').unwrap();
            read.push_str(shown);
            if line.ends_with("the end]") {
                break;
            }
            prop_assert!(!shown.is_empty());
        }
        prop_assert_eq!(read, whole);
    }

    #[test]
    fn any_offset_is_taken(whole in "[aä€𝄞]{0,50}", offset in 0u64..300, limit in 0u64..300) {
        prop_assert!(page(&whole, offset, limit).starts_with('['));
    }
}
