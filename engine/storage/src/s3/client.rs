//! The client behind a bucket: who we are, how we connect.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use jiff::Timestamp;

use super::address::Address;
use crate::retry::Patience;

/// A connection that is not there by then is none.
const CONNECT: Duration = Duration::from_secs(5);

/// Another store than that of AWS needs some region in its signatures and rarely minds which.
const ANY_REGION: &str = "us-east-1";

/// Something that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Whom the environment, the shared configuration files, a container or the instance names, in this order. The address's
    /// profile counts.
    Chain,
    /// A profile of the shared configuration files.
    Profile(String),
    /// These keys.
    Keys {
        /// The access key's id.
        access: String,
        /// The key.
        secret: Secret,
    },
}

/// How calls are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// When a call is tried again.
    pub patience: Patience,
    /// An attempt that has no answer by then is given up. A pack of 16 MiB passes in two minutes at 140 KiB/s.
    pub attempt: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            patience: Patience::LONG,
            attempt: Duration::from_secs(120),
        }
    }
}

/// Reads the configuration that the user has, and makes a client. Connects only where credentials come from an instance.
pub(super) async fn connect(address: &Address, credentials: &Credentials, options: &Options) -> Result<Client, String> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(options.attempt)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .timeout_config(timeouts)
        // Patience is ours, so that it is the same for every store and ends when the user says so.
        .retry_config(RetryConfig::disabled());
    if let Ok(name) = AppName::new("dram") {
        loader = loader.app_name(name);
    }
    let profile = match credentials {
        Credentials::Profile(name) => Some(name.clone()),
        Credentials::Chain | Credentials::Keys { .. } => address.profile.clone(),
    };
    let region = region_of(address, profile.as_deref()).await;
    if let Some(profile) = &profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &region {
        loader = loader.region(region.clone());
    }
    loader = match (credentials, profile) {
        (Credentials::Keys { access, secret }, _) => {
            let keys = aws_sdk_s3::config::Credentials::new(access, secret.reveal(), None, None, "dram");
            loader.credentials_provider(keys)
        }
        // Who names a profile means it: in the usual order the keys of the environment would come first.
        (Credentials::Chain | Credentials::Profile(_), Some(profile)) => {
            let provider = ProviderConfig::without_region()
                .with_http_client(http)
                .with_region(region);
            loader.credentials_provider(
                ProfileFileCredentialsProvider::builder()
                    .profile_name(profile)
                    .configure(&provider)
                    .build(),
            )
        }
        (Credentials::Chain | Credentials::Profile(_), None) => loader,
    };
    let shared = loader.load().await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(address.path_style);
    if shared.region().is_none() {
        if shared.endpoint_url().is_none() {
            return Err("no region is known: name it in the address, the profile or `AWS_REGION`".to_owned());
        }
        config = config.region(Region::from_static(ANY_REGION));
    }
    if let Some(endpoint) = &address.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(config.build()))
}

/// The region that the address, the environment or the profile names. Only for a store of AWS is the machine itself asked as
/// well, by whoever loads the configuration: elsewhere that would wait for an answer that nobody gives.
async fn region_of(address: &Address, profile: Option<&str>) -> Option<Region> {
    if let Some(region) = &address.region {
        return Some(Region::new(region.clone()));
    }
    let mut of_profile = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        of_profile = of_profile.profile_name(profile);
    }
    let said = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(of_profile.build());
    match said.region().await {
        None if address.endpoint.is_some() => Some(Region::from_static(ANY_REGION)),
        said => said,
    }
}

/// Takes the store's time from an answer, whatever the answer is.
#[derive(Debug)]
pub(super) struct DateTaker {
    pub(super) date: Arc<OnceLock<Timestamp>>,
}

impl Intercept for DateTaker {
    fn name(&self) -> &'static str {
        "DateTaker"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            let _ = self.date.set(date.timestamp());
        }
        Ok(())
    }
}
