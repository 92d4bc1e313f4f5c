//! How a condition on the members of a group, or on the groups of a resource, is spelled: from the other end of the
//! membership where an index leads there, else from the resource.

use super::condition::{Condition, Reach};
use super::condition_text::{Place, Writer};

impl Writer<'_> {
    /// One resource at the other end of a membership: `other` is its place, `alias` the row at the near end.
    pub(in crate::store) fn related(
        &mut self,
        other: Place,
        alias: &'static str,
        [near, far]: [&'static str; 2],
        within: &Condition,
    ) {
        if other.leads {
            self.query.composed(format!(
                "{alias}.k IN (SELECT m.{near} FROM resources o JOIN members m ON m.{far} = o.k WHERE "
            ));
        } else {
            self.query.composed(format!(
                "EXISTS (SELECT 1 FROM members m JOIN resources o ON o.k = m.{far} WHERE m.{near} = {alias}.k AND "
            ));
        }
        let organization = self.organization;
        let plus = self.plus(other);
        self.query.composed(format!("{plus}o.org_id = ")).bytes(organization.as_bytes()).sql(" AND ");
        self.write(within, other);
        self.query.sql(")");
    }

    /// The resource is a member of a group that satisfies the condition, or of a group in it: from those groups down.
    pub(in crate::store) fn below_groups(&mut self, at: Place, within: &Condition) {
        let organization = self.organization;
        self.query.composed(format!("{}.k IN (WITH RECURSIVE below (k) AS (SELECT o.k FROM resources o ", at.alias));
        let plus = self.plus(at);
        self.query.composed(format!("WHERE {plus}o.org_id = ")).bytes(organization.as_bytes());
        self.query.composed(format!(" AND {plus}o.kind = 'group' AND "));
        self.write(within, at.related(" = 'group'"));
        self.query.sql(
            " UNION SELECT m.member_k FROM below b JOIN members m ON m.group_k = b.k \
             JOIN resources g ON g.k = m.member_k WHERE g.kind = 'group') \
             SELECT m.member_k FROM below b JOIN members m ON m.group_k = b.k)",
        );
    }

    /// The same from the resource up. UNION ends the search even if groups contained each other.
    pub(in crate::store) fn above(&mut self, at: Place, reach: Reach, within: &Condition) {
        let alias = at.alias;
        self.query.composed(format!(
            "EXISTS (WITH RECURSIVE above (k) AS (SELECT m.group_k FROM members m WHERE m.member_k = {alias}.k \
             UNION SELECT m.group_k FROM above a JOIN members m ON m.member_k = a.k) \
             SELECT 1 FROM above a JOIN resources o ON o.k = a.k WHERE o.org_id = "
        ));
        let organization = self.organization;
        self.query.bytes(organization.as_bytes()).sql(" AND ");
        if reach == Reach::Indirect {
            self.query.composed(format!(
                "NOT EXISTS (SELECT 1 FROM members d WHERE d.member_k = {alias}.k AND d.group_k = a.k) AND "
            ));
        }
        self.write(within, at.related(" = 'group'").beside());
        self.query.sql(")");
    }
}
