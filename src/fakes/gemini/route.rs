//! The routes below `/v1` and `/v1beta`.

use http::Method;

/// What a path asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route<'a> {
    Models,
    Model(&'a str),
    Generate(&'a str),
    Stream(&'a str),
    Count(&'a str),
    Batch(&'a str),
    Jobs,
    Job(&'a str),
    Cancel(&'a str),
    Delete(&'a str),
    /// `interactions`
    Interact,
    Interaction(&'a str),
    ForgetInteraction(&'a str),
    /// `openai/chat/completions`
    Chat,
    ChatModels,
    ChatModel(&'a str),
}

impl<'a> Route<'a> {
    pub(super) fn of(method: &Method, route: &'a str) -> Option<Self> {
        let model = |action: &str| route.strip_prefix("models/")?.strip_suffix(action);
        let one = |rest: &'a str| Some(rest).filter(|name| !name.is_empty() && !name.contains('/'));
        let job = route.strip_prefix("batches/");
        let interaction = route.strip_prefix("interactions/").and_then(one);
        if method == Method::POST {
            return match route {
                "interactions" => Some(Self::Interact),
                "openai/chat/completions" => Some(Self::Chat),
                _ => model(":generateContent")
                    .map(Self::Generate)
                    .or_else(|| model(":streamGenerateContent").map(Self::Stream))
                    .or_else(|| model(":countTokens").map(Self::Count))
                    .or_else(|| model(":batchGenerateContent").map(Self::Batch))
                    .or_else(|| job?.strip_suffix(":cancel").and_then(one).map(Self::Cancel)),
            };
        }
        let job = job.and_then(one);
        if method == Method::DELETE {
            return job.map(Self::Delete).or(interaction.map(Self::ForgetInteraction));
        }
        if method != Method::GET {
            return None;
        }
        match route {
            "models" => Some(Self::Models),
            "batches" => Some(Self::Jobs),
            "openai/models" => Some(Self::ChatModels),
            _ => (route.strip_prefix("models/").and_then(one).map(Self::Model))
                .or(job.map(Self::Job))
                .or(interaction.map(Self::Interaction))
                .or_else(|| {
                    let model = route.strip_prefix("openai/models/")?;
                    one(model.strip_prefix("models/").unwrap_or(model)).map(Self::ChatModel)
                }),
        }
    }

    /// The model that it is about, as far as the path says.
    pub(super) fn model(&self) -> Option<&'a str> {
        match self {
            Self::Model(model)
            | Self::Generate(model)
            | Self::Stream(model)
            | Self::Count(model)
            | Self::Batch(model)
            | Self::ChatModel(model) => Some(model),
            _ => None,
        }
    }

    /// Whether it asks a model something that is answered at once.
    pub(super) fn asks(&self) -> bool {
        matches!(self, Self::Generate(_) | Self::Stream(_) | Self::Interact | Self::Chat)
    }

    /// Whether it is one of those that speak OpenAI's language.
    pub(super) fn is_openai(&self) -> bool {
        matches!(self, Self::Chat | Self::ChatModels | Self::ChatModel(_))
    }
}
