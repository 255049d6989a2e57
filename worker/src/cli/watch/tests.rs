//! What a person's answer means.

use super::*;

#[test]
fn only_a_plain_yes_approves() {
    for yes in ["y", "Y", "yes", "YES"] {
        assert_eq!(reading(yes), Reading::Approve);
    }
    for no in ["", "n", "No"] {
        assert_eq!(reading(no), Reading::Deny(None));
    }
    assert_eq!(
        reading("yes, but not the title"),
        Reading::Deny(Some("yes, but not the title".to_owned()))
    );
    assert_eq!(reading("ok"), Reading::Deny(Some("ok".to_owned())));
    assert_eq!(reading("all"), Reading::ShowAll);
}
