# syntax=docker/dockerfile:1
# The relay and nothing else: one static binary, the roots that ACME directories are checked with, an empty data folder.
#
#   docker build -t muxhook-relay .
#   docker build -t muxhook-relay --target as-root .      # where the volume belongs to root (fly.io)

# Alpine's C library is musl, whose programs are static.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev ca-certificates-bundle
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package muxhook-relay && \
    mkdir -p /out/data && \
    cp target/release/muxhook-relay /out/muxhook-relay

FROM scratch AS relay
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/muxhook-relay /muxhook-relay
# A new volume takes over whose the folder is.
COPY --from=build --chown=65532:65532 --chmod=700 /out/data /data
USER 65532:65532
# There is no /tmp, no home folder and no user's name: each is said.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    SQLITE_TMPDIR=/data \
    MUXHOOK_RELAY_DATA_DIR=/data \
    MUXHOOK_RELAY_ADMIN=127.0.0.1:9090 \
    MUXHOOK_RELAY_LOG=json
VOLUME /data
STOPSIGNAL SIGTERM
# By the relay's own word, from the same settings as `serve`. Ready, not only alive.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/muxhook-relay", "health"]
ENTRYPOINT ["/muxhook-relay"]
CMD ["serve"]

FROM relay AS as-root
USER 0:0

# What is built when no stage is named.
FROM relay
