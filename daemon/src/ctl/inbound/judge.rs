//! Reading, kind, verdict and proof of one message, as the daemon does it, without what only its database knows.

use std::path::Path;

use resetd_core::answer;
use resetd_core::ids::ResetId;
use resetd_core::inbound::typed::Part;
use resetd_core::inbound::{self, Facts, Finding, Kind, OurWords};
use resetd_core::secret::{KeyRing, Tag};
use resetd_core::verdict::Judgement;

use crate::ctl::failure::Failure;
use crate::mail::templates::Library;
use crate::reading::{self, Envelope, Explained, Trust};
use crate::wire::Classified;

/// Judges messages.
pub(super) struct Judge<'a> {
    authserv_ids: &'a [String],
    ring: Option<KeyRing>,
    /// Of the built-in wordings.
    ours: OurWords,
}

/// What became of one message.
pub(super) struct Judged {
    pub facts: Facts,
    pub finding: Finding,
    /// Only for a `reply`.
    pub judgement: Option<Judgement>,
    pub proof: Proven,
}

/// How far a message may be believed, and by what.
pub(super) struct Proven {
    pub reset: Option<ResetId>,
    /// `tag`, `reference`, `dmarc` or `none`.
    pub proof: &'static str,
    /// The address, id or domain that it rests on.
    pub by: Option<String>,
}

impl<'a> Judge<'a> {
    /// `root_key`: the file whose keys check signed tags; without it no tag is believed.
    pub(super) fn new(authserv_ids: &'a [String], root_key: Option<&Path>) -> Result<Self, Failure> {
        let library = Library::builtin().map_err(|error| Failure::Failed(error.to_string()))?;
        Ok(Self { authserv_ids, ring: root_key.map(ring).transpose()?, ours: library.our_words() })
    }

    /// Whether tags can be checked.
    pub(super) fn knows_keys(&self) -> bool {
        self.ring.is_some()
    }

    pub(super) fn judge(&self, raw: &[u8]) -> Judged {
        self.explain(raw).0
    }

    /// The same, with the lines of the text and what each was taken for.
    pub(super) fn explain(&self, raw: &[u8]) -> (Judged, Vec<(Part, String)>) {
        let trust = Trust { authserv_ids: self.authserv_ids };
        let Explained { mut facts, lines } = reading::explain(raw, &Envelope::default(), &trust);
        let proof = self.proof(&facts);
        let judgement = answer::judge(&mut facts, &self.ours);
        let finding = inbound::kind(&facts);
        let judgement = (finding.kind == Kind::Reply).then_some(judgement);
        (Judged { facts, finding, judgement, proof }, lines)
    }

    fn proof(&self, facts: &Facts) -> Proven {
        let find = |list: &[String]| {
            let ring = self.ring.as_ref()?;
            list.iter().find_map(|text| Some((Tag::find(ring, text)?.reset, text.clone())))
        };
        let proven = |proof, (reset, by): (ResetId, String)| Proven { reset: Some(reset), proof, by: Some(by) };
        if let Some(found) = find(&facts.recipients) {
            return proven("tag", found);
        }
        if let Some(found) = find(&facts.references).or_else(|| find(&facts.embedded_ids)) {
            return proven("reference", found);
        }
        match facts.dmarc_pass.is_some() && facts.dmarc_pass == facts.sender_domain {
            true => Proven { reset: None, proof: "dmarc", by: facts.dmarc_pass.clone() },
            false => Proven { reset: None, proof: "none", by: None },
        }
    }
}

impl Judged {
    /// In the form of the wire.
    pub(super) fn classified(self, file: String) -> Classified {
        let Self { facts, finding, judgement, proof } = self;
        let mut evidence = judgement.as_ref().map(|judgement| judgement.evidence.clone()).unwrap_or_default();
        evidence.extend(finding.signals);
        let text = facts.words();
        Classified {
            file,
            kind: finding.kind.as_str().into(),
            verdict: judgement.as_ref().map(|judgement| judgement.verdict.as_str().into()),
            confidence: judgement.map(|judgement| f64::from(judgement.confidence)),
            evidence,
            reset: proof.reset,
            proof: proof.proof.into(),
            text: if text.is_empty() { facts.doubtful } else { text },
            bounce: facts.bounce,
        }
    }
}

fn ring(file: &Path) -> Result<KeyRing, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    KeyRing::parse(&text).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}
