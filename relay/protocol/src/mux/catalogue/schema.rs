//! What kind of `data` an event carries.

/// The shape of an event's `data`. Mux names it in the typings of its Node SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schema {
    /// An asset as a whole (`WebhookAsset`).
    Asset,
    /// Little of an asset, and a warning (`WebhookAssetWarning`).
    AssetWarning,
    /// A track of an asset (`WebhookAssetTrack`).
    Track,
    /// A file made from an asset (`WebhookAssetStaticRendition`).
    StaticRendition,
    /// The shots of an asset: a status and where their list is.
    Shots,
    /// A direct upload (`WebhookDirectUpload`).
    Upload,
    /// A live stream (`WebhookLiveStream`).
    LiveStream,
    /// Little of a live stream, and a warning (`WebhookLiveStreamWarning`).
    LiveStreamWarning,
    /// Another service that a live stream is sent on to (`WebhookSimulcastTarget`).
    SimulcastTarget,
    /// Assets watched above a threshold (`WebhookVideoDeliveryHighTraffic`).
    HighTraffic,
    /// A run of a directive: jobs to be started one after another.
    DirectiveRun,
    /// A job of one of Mux's robots; `parameters` and `outputs` depend on its workflow.
    RobotsJob,
    /// A space. Mux has none since 2024.
    Space,
    /// The broadcast of a space. Mux has none since 2024.
    Broadcast,
}

impl Schema {
    /// What real events of this shape were seen to carry as `object.type`.
    pub(super) const fn seen_object(self) -> Option<&'static str> {
        match self {
            Self::Asset | Self::AssetWarning | Self::Shots => Some("asset"),
            Self::Track => Some("track"),
            Self::Upload => Some("upload"),
            Self::LiveStream | Self::LiveStreamWarning => Some("live"),
            Self::StaticRendition
            | Self::SimulcastTarget
            | Self::HighTraffic
            | Self::DirectiveRun
            | Self::RobotsJob
            | Self::Space
            | Self::Broadcast => None,
        }
    }

    /// The same, with a guess where nothing was seen: what the thing is called in the types' names.
    pub(super) const fn likely_object(self) -> &'static str {
        match self {
            Self::Asset | Self::AssetWarning | Self::Shots => "asset",
            Self::Track => "track",
            Self::Upload => "upload",
            Self::LiveStream | Self::LiveStreamWarning => "live",
            Self::StaticRendition => "static_rendition",
            Self::SimulcastTarget => "simulcast_target",
            Self::HighTraffic => "high_traffic",
            Self::DirectiveRun => "directive_run",
            Self::RobotsJob => "job",
            Self::Space => "space",
            Self::Broadcast => "space_broadcast",
        }
    }

    /// Whether Mux has stopped sending events of this shape.
    pub(super) const fn is_legacy(self) -> bool {
        matches!(self, Self::Space | Self::Broadcast)
    }
}
