//! The web frameworks that handlers are mostly written in: how their answers look, and what each calls things.

use muxhook_protocol::Reply;

/// How to get at the raw body where the framework is not known.
pub(super) const ANY_RAW_BODY: &str = "Next.js `await request.text()`, Express `express.raw({ type: 'application/json' })` \
     before express.json(), NestJS `rawBody: true`, Fastify a parser with parseAs 'buffer', Rails request.raw_post, Django \
     request.body, Laravel $request->getContent()";

/// The same for CSRF.
pub(super) const ANY_CSRF: &str = "Rails skip_before_action :verify_authenticity_token, Django @csrf_exempt, Laravel \
     validateCsrfTokens(except: […])";

/// A web framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framework {
    Next,
    Express,
    Nest,
    Fastify,
    Rails,
    Django,
    Laravel,
}

impl Framework {
    /// The one that an answer shows the marks of. `words`: the beginning of its body, in lower case.
    pub(super) fn of(reply: &Reply, words: &str) -> Option<Self> {
        let header = |name: &str, part: &str| {
            reply
                .headers
                .get(name)
                .is_some_and(|value| String::from_utf8_lossy(value).to_ascii_lowercase().contains(part))
        };
        let says = |part: &str| words.contains(part);
        let marks = [
            (
                Self::Next,
                header("x-powered-by", "next.js") || header("vary", "next-router") || says("__next"),
            ),
            (
                Self::Laravel,
                header("set-cookie", "laravel_session") || says("laravel") || says("illuminate\\"),
            ),
            (Self::Django, says("django") || says("csrf verification failed. request aborted")),
            (
                Self::Rails,
                says("actioncontroller::")
                    || says("action controller: exception")
                    || says("actiondispatch::"),
            ),
            // Both are built on others and give errors of a shape of their own.
            (Self::Nest, header("x-powered-by", "express") && says("\"statuscode\":")),
            (Self::Fastify, says("\"statuscode\":") && says("\"code\":\"fst_")),
            (Self::Express, header("x-powered-by", "express")),
        ];
        marks.into_iter().find_map(|(framework, shown)| shown.then_some(framework))
    }

    /// How to get at the body's bytes as they came.
    pub(super) fn raw_body(self) -> &'static str {
        match self {
            Self::Next => {
                "`await request.text()` in a route.ts; in pages/api, `export const config = { api: { bodyParser: false } }` \
                 and the stream"
            }
            Self::Express => {
                "put `express.raw({ type: 'application/json' })` on this route, before any express.json()"
            }
            Self::Nest => "create the app with `{ rawBody: true }` and use `req.rawBody`",
            Self::Fastify => {
                "`addContentTypeParser('application/json', { parseAs: 'buffer' }, …)` for this route, or fastify-raw-body"
            }
            Self::Rails => "`request.raw_post`",
            Self::Django => "`request.body`, read before request.POST or a parser",
            Self::Laravel => "`$request->getContent()`",
        }
    }

    /// How a route is taken out of the CSRF protection.
    pub(super) fn csrf(self) -> &'static str {
        match self {
            Self::Rails => "`skip_before_action :verify_authenticity_token` in its controller",
            Self::Django => "`@csrf_exempt` on its view",
            Self::Laravel => "`$middleware->validateCsrfTokens(except: ['webhooks/*'])` in bootstrap/app.php",
            Self::Next | Self::Express | Self::Nest | Self::Fastify => "mount it before the CSRF middleware",
        }
    }
}
