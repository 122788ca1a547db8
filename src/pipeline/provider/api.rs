//! The requests and responses of a provider, in the form of its API.

use bytes::Bytes;

use crate::pipeline::provider::extra::{Extra, RefusedExtras};
use crate::pipeline::provider::provider::{Answer, Failure, Provider, ProviderApi};
use crate::pipeline::taxonomy::Taxonomy;

impl Provider {
    /// Whose quotas these are: provider, origin, model and the key's fingerprint.
    pub fn account(&self) -> String {
        let Self { name, origin, model, key, .. } = self;
        format!("{name} {origin} {model} {}", key.fingerprint())
    }

    /// The extras that its model is known to refuse.
    pub fn refused(&self) -> RefusedExtras {
        match self.wire {
            ProviderApi::OpenAi if super::openai::reasons(&self.model) => {
                RefusedExtras::default().with(Extra::Temperature)
            }
            ProviderApi::Gemini | ProviderApi::OpenAi => RefusedExtras::default(),
        }
    }

    /// The request for this prompt, without the extras that it refuses.
    pub fn request(
        &self,
        prompt: &str,
        taxonomy: &Taxonomy,
        max_output_tokens: u64,
        refused: RefusedExtras,
    ) -> Result<http::Request<Bytes>, http::Error> {
        match self.wire {
            ProviderApi::Gemini => {
                super::gemini::request(self, prompt, taxonomy, max_output_tokens, refused)
            }
            ProviderApi::OpenAi => {
                super::openai::request(self, prompt, taxonomy, max_output_tokens, refused)
            }
        }
    }

    /// The request for what is known of its model, which costs nothing.
    pub(crate) fn model_request(&self) -> Result<http::Request<Bytes>, http::Error> {
        let Self { origin, model, key, .. } = self;
        let key = key.expose();
        match self.wire {
            ProviderApi::Gemini => http::Request::get(format!("{origin}/v1beta/models/{model}"))
                .header("x-goog-api-key", key),
            ProviderApi::OpenAi => http::Request::get(format!("{origin}/v1/models/{model}"))
                .header("authorization", format!("Bearer {key}")),
        }
        .body(Bytes::new())
    }

    /// The tokens that it charges to its quota for a call of `input_tokens` that allows
    /// `max_output_tokens`. `OpenAI` charges the larger of both before it answers, and gives nothing
    /// back; Gemini counts input alone.
    pub fn charge(&self, input_tokens: u64, max_output_tokens: u64) -> u64 {
        match self.wire {
            ProviderApi::Gemini => input_tokens,
            ProviderApi::OpenAi => input_tokens.max(max_output_tokens),
        }
    }

    /// What a response says.
    pub fn read(&self, response: &http::Response<Bytes>) -> Result<Answer, Failure> {
        match self.wire {
            ProviderApi::Gemini => super::gemini::read(response),
            ProviderApi::OpenAi => super::openai::read(response),
        }
    }
}
