//! Where a vendor's description and its documentation disagree, and the entry follows the
//! documentation. Each is needed: what no longer differs fails the test.

use longhaul_tests::vendor::{Finding, Rule};

/// A point on which an entry follows the documentation.
pub(crate) struct Known {
    pub(crate) slug: &'static str,
    /// The operation, or `*` for all.
    pub(crate) operation: &'static str,
    rule: Rule,
    /// What the finding is about, or `*` for anything.
    pub(crate) subject: &'static str,
    /// The page that says so, and what it says.
    #[expect(dead_code, reason = "for people")]
    source: &'static str,
}

impl Known {
    pub(crate) fn covers(&self, slug: &str, finding: &Finding) -> bool {
        let same = |ours: &str, found: &str| ours == "*" || ours == found;
        self.slug == slug
            && same(self.operation, &finding.operation)
            && self.rule == finding.rule
            && same(self.subject, &finding.subject)
    }
}

const fn known(
    slug: &'static str,
    operation: &'static str,
    rule: Rule,
    subject: &'static str,
    source: &'static str,
) -> Known {
    Known { slug, operation, rule, subject, source }
}

pub(crate) const KNOWN: [Known; 24] = [
    known(
        "resend",
        "emails.reschedule",
        Rule::Unknown,
        "body",
        "https://resend.com/docs/api-reference/emails/update-email: `scheduled_at` in the body",
    ),
    // Slack's description is of 2021, before apps of today: other addresses and other scopes.
    known(
        "slack",
        "*",
        Rule::Auth,
        "authorizationUrl",
        "https://docs.slack.dev/authentication/installing-with-oauth: version 2",
    ),
    known(
        "slack",
        "*",
        Rule::Auth,
        "tokenUrl",
        "https://docs.slack.dev/authentication/installing-with-oauth: version 2",
    ),
    known(
        "slack",
        "*",
        Rule::Scope,
        "*",
        "https://docs.slack.dev/reference/methods: the scopes of each method's page",
    ),
    known(
        "slack",
        "*",
        Rule::Required,
        "token",
        "https://docs.slack.dev/apis/web-api: the token goes in `Authorization`",
    ),
    known(
        "slack",
        "channels.history",
        Rule::Type,
        "latest",
        "https://docs.slack.dev/reference/methods/conversations.history: times are strings",
    ),
    known(
        "slack",
        "channels.history",
        Rule::Type,
        "oldest",
        "https://docs.slack.dev/reference/methods/conversations.history: times are strings",
    ),
    known(
        "slack",
        "threads.replies",
        Rule::Type,
        "latest",
        "https://docs.slack.dev/reference/methods/conversations.replies: times are strings",
    ),
    known(
        "slack",
        "threads.replies",
        Rule::Type,
        "oldest",
        "https://docs.slack.dev/reference/methods/conversations.replies: times are strings",
    ),
    known(
        "slack",
        "threads.replies",
        Rule::Type,
        "ts",
        "https://docs.slack.dev/reference/methods/conversations.replies: a `ts` is a string",
    ),
    known(
        "slack",
        "messages.delete",
        Rule::Type,
        "/ts",
        "https://docs.slack.dev/reference/methods/chat.delete: a `ts` is a string",
    ),
    known(
        "slack",
        "messages.schedule",
        Rule::Type,
        "/thread_ts",
        "https://docs.slack.dev/reference/methods/chat.scheduleMessage: a `ts` is a string",
    ),
    // The description marks everything as needed; only `filterGroups` and the like are sent always.
    known("hubspot", "companies.search", Rule::Required, "/after", SEARCH),
    known("hubspot", "companies.search", Rule::Required, "/limit", SEARCH),
    known("hubspot", "contacts.search", Rule::Required, "/after", SEARCH),
    known("hubspot", "contacts.search", Rule::Required, "/limit", SEARCH),
    known("hubspot", "deals.search", Rule::Required, "/after", SEARCH),
    known("hubspot", "deals.search", Rule::Required, "/limit", SEARCH),
    known("hubspot", "tickets.search", Rule::Required, "/after", SEARCH),
    known("hubspot", "tickets.search", Rule::Required, "/limit", SEARCH),
    known(
        "aws-s3",
        "policies.put",
        Rule::Media,
        "application/json",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html: JSON text",
    ),
    known(
        "notion",
        "pages.create",
        Rule::Type,
        "/children/*",
        "https://developers.notion.com/reference/post-page: blocks are objects",
    ),
    known(
        "notion",
        "pages.create",
        Rule::Required,
        "/parent/page_id",
        "https://developers.notion.com/reference/post-page: a page or a data source",
    ),
    known(
        "notion",
        "pages.create",
        Rule::Unknown,
        "/parent/data_source_id",
        "https://developers.notion.com/reference/post-page: since 2025-09-03",
    ),
];

const SEARCH: &str = "https://developers.hubspot.com/docs/api-reference/search/guide: optional";

/// The same where a request shows it: headers of whole APIs, which descriptions leave out.
pub(crate) const ON_THE_WIRE: [Known; 4] = [
    known(
        "notion",
        "comments.create",
        Rule::Unknown,
        "notion-version",
        "https://developers.notion.com/reference/versioning",
    ),
    known(
        "github",
        "*",
        Rule::Unknown,
        "x-github-api-version",
        "https://docs.github.com/en/rest/about-the-rest-api/api-versions",
    ),
    known("stripe", "*", Rule::Unknown, "stripe-version", "https://docs.stripe.com/api/versioning"),
    known(
        "stripe",
        "*",
        Rule::Unknown,
        "idempotency-key",
        "https://docs.stripe.com/api/idempotent_requests",
    ),
];
