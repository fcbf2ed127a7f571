//! The proof of a whole model.

use super::copies::recovery_point_of_copy;
use super::load::Loads;
use super::replica::{Replica, Way};
use super::rpo::{alone, recovery_point};
use super::rto::{Comeback, recovery_time};
use super::start::Waves;
use super::stated::Stated;
use super::subject::Subject;
use super::{Proof, Verdict};
use crate::model::{Duration, Model, Name, RecoveryPlan, Strategy, VaultUse};
use std::collections::{BTreeMap, BTreeSet};

/// The proofs of one application.
#[derive(Debug, Clone)]
pub struct ApplicationProof {
    /// Its name.
    pub application: Name,
    /// Its policy.
    pub policy: Name,
    /// When its preferred site is lost: how much time may be lost.
    pub recovery_point: Proof,
    /// What keeps that.
    pub kept_by: Keeper,
    /// What its points alone would keep, where a pair keeps more.
    pub points: Option<Proof>,
    /// At each target (or at home, when no plan names one): how long recovery may take. Empty without an RTO.
    pub recovery_time: Vec<TargetProof>,
    /// When all that fails together with the preferred site is lost; nothing where that is the site alone. Shown, as below.
    pub domain_lost: Option<DomainLost>,
    /// When the primary vault is lost together with the preferred site. Shown beside the objective, and never a reason
    /// to refuse a model: a delay that guards against intruders costs time on that day, and not to have a copy costs
    /// more.
    pub primary_lost: PrimaryLost,
}

/// What keeps an RPO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// Points in a vault.
    Points,
    /// A pair of sites.
    Pair {
        /// Which one, in words.
        title: String,
        /// The site that follows.
        site: Name,
    },
}

/// What is left when everything is lost that fails together with the preferred site.
#[derive(Debug, Clone)]
pub struct DomainLost {
    /// The failure domain.
    pub domain: Name,
    /// What of this application's is lost beside the site.
    pub also: Vec<String>,
    /// What is left, in words, and how much time may be lost.
    pub left: Option<(String, Proof)>,
    /// The targets that are left.
    pub targets: Vec<Name>,
}

/// What is left when the preferred site and the primary vault are lost.
#[derive(Debug, Clone)]
pub enum PrimaryLost {
    /// Nothing: there is no second vault.
    NoCopy,
    /// Nothing: the vaults with copies fail together with the site or with the primary vault.
    Together(Vec<Name>),
    /// The copy that loses least.
    Copy {
        /// The vault that holds it.
        vault: Name,
        /// How much time may be lost.
        recovery_point: Box<Proof>,
    },
    /// What a pair keeps from site to site.
    Replica {
        /// The site that follows.
        site: Name,
        /// How much time may be lost.
        recovery_point: Box<Proof>,
    },
}

/// The RTO at one target.
#[derive(Debug, Clone)]
pub struct TargetProof {
    /// The plan that names the target, and its position there; `None` at home.
    pub plan: Option<(Name, usize)>,
    /// The target.
    pub site: Name,
    /// The proof.
    pub proof: Proof,
}

/// The proofs of all applications.
#[derive(Debug, Clone)]
pub struct Report {
    /// One for each application, by name.
    pub applications: Vec<ApplicationProof>,
    /// Policies whose own RPO does not hold for all that they protect, by name.
    pub policies: Vec<(Name, Proof)>,
}

/// Proves every objective of a model.
#[must_use]
pub fn prove(model: &Model) -> Report {
    let all = All::of(model);
    let applications: Vec<ApplicationProof> = all.parts.iter().map(|part| all.prove(part)).collect();
    // What its schedule cannot keep, pairs may keep for each application.
    let by_points: BTreeSet<&Name> = applications
        .iter()
        .filter(|application| application.kept_by == Keeper::Points)
        .map(|application| &application.policy)
        .collect();
    let protecting: BTreeSet<&Name> = applications.iter().map(|application| &application.policy).collect();
    let policies = model
        .policies()
        .iter()
        .filter(|(name, _)| by_points.contains(name) || !protecting.contains(name))
        .filter_map(|(name, policy)| Some((name.clone(), alone(policy, &Stated::of(policy))?)))
        .collect();
    Report { applications, policies }
}

/// All applications of a model, and what they do to each other.
pub(super) struct All<'m> {
    model: &'m Model,
    pub(super) parts: Vec<Part<'m>>,
    pub(super) loads: Loads,
    /// The waves of each plan that states any.
    waves: BTreeMap<&'m Name, Waves>,
    /// Bytes and number of applications that come back at a site, by the failure domain that was lost.
    coming: BTreeMap<(&'m Name, Option<&'m Name>), (u64, usize)>,
}

/// One application of a model.
pub(super) struct Part<'m> {
    pub(super) policy: &'m Name,
    pub(super) subject: Subject<'m>,
    plan: Option<(&'m Name, &'m RecoveryPlan)>,
    pub(super) replica: Option<Replica<'m>>,
}

impl<'m> Part<'m> {
    /// What fails with its site.
    fn domain(&self) -> Option<&'m Name> {
        self.subject.site.map(|(_, site)| &site.failure_domain)
    }

    /// The sites where it may come back.
    fn targets(&self) -> Vec<&'m Name> {
        match self.plan {
            Some((_, plan)) => plan.targets.iter().map(|target| &target.site).collect(),
            None => vec![self.subject.site_name()],
        }
    }

    /// Bytes that move to a target on the day: all, or what may be missing of what is kept in step there.
    fn brings(&self, model: &Model, loads: &Loads, target: &Name) -> u64 {
        if self.is_everywhere() {
            return 0;
        }
        match self.replica_at(target) {
            None => self.subject.bytes(),
            Some(replica) => replica.missing(&self.subject, loads, model.sites().get(target)).1,
        }
    }

    /// Whether it runs at all its sites.
    fn is_everywhere(&self) -> bool {
        self.plan
            .is_some_and(|(_, plan)| plan.strategy == Strategy::ActiveActive)
    }

    /// What is kept in step at a target.
    fn replica_at(&self, target: &Name) -> Option<Replica<'m>> {
        self.replica.filter(|replica| replica.other == target)
    }
}

impl<'m> All<'m> {
    pub(super) fn of(model: &'m Model) -> Self {
        let mut pairs: BTreeMap<&Name, &Name> = BTreeMap::new();
        for (name, pair) in model.pairs() {
            for application in model.chosen_by(&pair.applications) {
                pairs.entry(application).or_insert(name);
            }
        }
        let part = |(policy, subject): (&'m Name, Subject<'m>)| {
            let plan = model.plan_of(subject.name);
            let pair = pairs.get(subject.name).copied();
            let replica = Replica::of(model, pair, plan.map(|(_, plan)| plan), &subject);
            Part {
                policy,
                subject,
                plan,
                replica,
            }
        };
        let parts: Vec<Part<'m>> = Subject::all(model).into_iter().map(part).collect();
        let mut loads = Loads::none();
        for part in &parts {
            let Some(replica) = part.replica else { continue };
            if replica.way == Way::Vault && replica.bandwidth.is_some() {
                loads.cap_points(&part.subject);
            }
            if replica.way == Way::Direct {
                // An interval that is derived is shorter than the objective.
                let interval = replica.interval.unwrap_or(part.subject.policy.objectives.rpo);
                let other = model.sites().get(replica.other);
                loads.add_pair(&part.subject, replica.mode, interval, replica.cap(other).is_some());
            }
        }
        loads.add_points(&parts.iter().map(|part| &part.subject).collect::<Vec<_>>());
        let plans = model.plans().iter();
        let waves = plans.filter_map(|(name, plan)| {
            let chosen = model.chosen_by(&plan.applications).into_iter();
            let applications = chosen.filter_map(|name| model.applications().get_key_value(name));
            Some((name, Waves::of(plan, applications)?))
        });
        let mut coming: BTreeMap<(&Name, Option<&Name>), (u64, usize)> = BTreeMap::new();
        for part in &parts {
            for target in part.targets() {
                let bytes = part.brings(model, &loads, target);
                if bytes == 0 {
                    continue;
                }
                let (all, count) = coming.entry((target, part.domain())).or_default();
                *all = all.saturating_add(bytes);
                *count += 1;
            }
        }
        Self {
            model,
            loads,
            waves: waves.collect(),
            coming,
            parts,
        }
    }

    fn prove(&self, part: &Part<'m>) -> ApplicationProof {
        let points = recovery_point(&part.subject, &self.loads);
        let replicated = part.replica.map(|replica| {
            let other = self.model.sites().get(replica.other);
            (replica, replica.recovery_point(&part.subject, &self.loads, other))
        });
        let domain_lost = self.domain_lost(part, &points, replicated.as_ref());
        let primary_lost = self.primary_lost(part, replicated.as_ref());
        let (recovery_point, kept_by, points) = match replicated {
            Some((replica, proof)) if proof.rank() < points.rank() => {
                let title = replica.title();
                let site = replica.other.clone();
                (proof, Keeper::Pair { title, site }, Some(points))
            }
            _ => (points, Keeper::Points, None),
        };
        ApplicationProof {
            application: part.subject.name.clone(),
            policy: part.policy.clone(),
            recovery_point,
            kept_by,
            points,
            recovery_time: self.targets(part),
            domain_lost,
            primary_lost,
        }
    }

    fn targets(&self, part: &Part<'m>) -> Vec<TargetProof> {
        let Some(rto) = part.subject.policy.objectives.rto else {
            return Vec::new();
        };
        let at = |site: &'m Name| self.comeback(part, rto, site);
        let Some((plan_name, plan)) = part.plan else {
            let site = part.subject.site_name();
            return vec![TargetProof {
                plan: None,
                site: site.clone(),
                proof: at(site),
            }];
        };
        let targets = plan.targets.iter().enumerate();
        targets
            .map(|(index, target)| TargetProof {
                plan: Some((plan_name.clone(), index)),
                site: target.site.clone(),
                proof: at(&target.site),
            })
            .collect()
    }

    fn comeback(&self, part: &Part<'m>, rto: Duration, site: &'m Name) -> Proof {
        let own = part.brings(self.model, &self.loads, site);
        let (all, count) = self.coming.get(&(site, part.domain())).copied().unwrap_or_default();
        recovery_time(&Comeback {
            subject: &part.subject,
            rto,
            plan: part.plan.map(|(_, plan)| plan),
            waves: part.plan.and_then(|(name, _)| self.waves.get(name)),
            loads: &self.loads,
            target: (site, self.model.sites().get(site)),
            replica: part.replica_at(site),
            beside: (all.saturating_sub(own), count.saturating_sub(usize::from(own > 0))),
        })
    }

    fn domain_of(&self, used: &VaultUse) -> Option<&'m Name> {
        let vault = self.model.vaults().get(&used.name);
        vault.map(|vault| &vault.failure_domain)
    }

    fn domain_lost(
        &self,
        part: &Part<'m>,
        points: &Proof,
        replicated: Option<&(Replica<'m>, Proof)>,
    ) -> Option<DomainLost> {
        let domain = part.domain()?;
        let is_lost = |site: &Name| {
            self.model
                .sites()
                .get(site)
                .is_none_or(|site| site.failure_domain == *domain)
        };
        let uses = &part.subject.policy.vaults;
        let is_gone = |used: &VaultUse| self.domain_of(used).is_none_or(|of| of == domain);
        let targets = match part.plan {
            Some(_) => part.targets(),
            None => Vec::new(),
        };
        let vaults = uses.iter().filter(|used| is_gone(used));
        let mut also: Vec<String> = vaults.map(|used| format!("vault {}", used.name)).collect();
        also.extend(
            targets
                .iter()
                .filter(|site| is_lost(site))
                .map(|site| format!("site {site}")),
        );
        if also.is_empty() {
            return None;
        }
        let mut left: Vec<(String, Proof)> = Vec::new();
        for (position, used) in uses.iter().enumerate().filter(|(_, used)| !is_gone(used)) {
            let proof = match position {
                0 => Some(points.clone()),
                position => recovery_point_of_copy(&part.subject, &self.loads, position),
            };
            left.extend(proof.map(|proof| (format!("vault {}", used.name), proof)));
        }
        if let Some((replica, proof)) = replicated
            && !is_lost(replica.other)
            && (replica.way == Way::Direct || uses.first().is_some_and(|used| !is_gone(used)))
        {
            left.push((format!("the replica at {}", replica.other), proof.clone()));
        }
        Some(DomainLost {
            domain: domain.clone(),
            also,
            left: left.into_iter().min_by_key(|(_, proof)| proof.rank()),
            targets: targets.into_iter().filter(|site| !is_lost(site)).cloned().collect(),
        })
    }

    fn primary_lost(&self, part: &Part<'m>, replicated: Option<&(Replica<'m>, Proof)>) -> PrimaryLost {
        let uses = &part.subject.policy.vaults;
        let mut lost: Vec<&Name> = part.domain().into_iter().collect();
        lost.extend(uses.first().and_then(|used| self.domain_of(used)));
        let mut together = Vec::new();
        let mut best: Option<(Name, Proof)> = None;
        for (position, used) in uses.iter().enumerate().skip(1) {
            if self.domain_of(used).is_none_or(|domain| lost.contains(&domain)) {
                together.push(used.name.clone());
                continue;
            }
            if let Some(proof) = recovery_point_of_copy(&part.subject, &self.loads, position)
                && best.as_ref().is_none_or(|(_, best)| proof.worst_case < best.worst_case)
            {
                best = Some((used.name.clone(), proof));
            }
        }
        // What travels from site to site needs no vault.
        if let Some((replica, proof)) = replicated
            && replica.way == Way::Direct
            && best.as_ref().is_none_or(|(_, best)| proof.rank() < best.rank())
            && let Some(other) = self.model.sites().get(replica.other)
            && !lost.contains(&&other.failure_domain)
        {
            return PrimaryLost::Replica {
                site: replica.other.clone(),
                recovery_point: Box::new(proof.clone()),
            };
        }
        match best {
            Some((vault, proof)) => PrimaryLost::Copy {
                vault,
                recovery_point: Box::new(proof),
            },
            None if together.is_empty() => PrimaryLost::NoCopy,
            None => PrimaryLost::Together(together),
        }
    }
}

impl Report {
    /// Every proof of what an objective demands, in order.
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        self.applications.iter().flat_map(|application| {
            std::iter::once(&application.recovery_point)
                .chain(application.recovery_time.iter().map(|target| &target.proof))
        })
    }

    /// Whether any objective does not hold.
    #[must_use]
    pub fn fails(&self) -> bool {
        !self.policies.is_empty() || self.proofs().any(|proof| proof.verdict == Verdict::NotMet)
    }

    /// Whether any objective rests on assumptions.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.proofs().any(|proof| proof.verdict == Verdict::Unproven)
    }

    /// Policies that do not hold and that no application shows.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&Name, &Proof)> {
        let used: BTreeSet<&Name> = self
            .applications
            .iter()
            .map(|application| &application.policy)
            .collect();
        let policies = self.policies.iter().filter(move |(name, _)| !used.contains(name));
        policies.map(|(name, proof)| (name, proof))
    }
}
