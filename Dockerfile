# One node of Samvad. CI does not build this image; `docker build -t samvad .` does, in about 15 minutes.

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
# It installs what it needs: Node, wasm-bindgen, the WebAssembly target.
RUN scripts/build.sh

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin samvad \
    && install -d -o samvad -g samvad -m 700 /data
# The list of hashes stands beside the binary.
COPY --from=build /build/target/release/samvad /build/target/release/hash.txt /opt/samvad/
COPY --from=build /build/target/site /opt/samvad/site
ENV PATH=/opt/samvad:$PATH \
    SAMVAD_ADDR=0.0.0.0:3000 \
    SAMVAD_DATA_DIR=/data \
    SAMVAD_SITE_ROOT=/opt/samvad/site \
    SAMVAD_LOG_FORMAT=json
USER samvad
WORKDIR /data
VOLUME /data
EXPOSE 3000
# The process, not the store: a node without its store gets well by itself, and starting it anew would not help.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/3000 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -1 <&3 | grep -q ' 200 '"]
# SIGTERM drains it, which takes up to 30 seconds: `docker stop -t 40`.
STOPSIGNAL SIGTERM
CMD ["samvad", "serve"]
