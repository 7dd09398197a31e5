# One small image for every Griffie service; docker-compose.yml says which program of it a container runs.
#
#   docker build --tag griffie:0.1.0 .
#
# For production name the base image by its digest as well, so that the same image is built next year:
#   docker pull node:24.21.0-trixie-slim && docker inspect --format '{{index .RepoDigests 0}}' node:24.21.0-trixie-slim
#   docker build --build-arg NODE_IMAGE=node:24.21.0-trixie-slim@sha256:… --tag griffie:0.1.0 .
ARG NODE_IMAGE=node:24.21.0-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Scripts of packages are not run. The compiler, and LZ4 for Kafka, come as optional packages of the platform.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY shared shared
COPY services services
# What stays is what runs. The embedded engine (540 MB) is for one machine without a server: not in here.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/chdb node_modules/@chdb dist/.tsbuildinfo

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
# Nothing is installed in a running container. The folders give volumes over them their owner.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
  && install --directory --owner=10001 --group=10001 --mode=0700 \
    /var/lib/griffie /var/lib/griffie/collector /var/lib/griffie/disclosure /var/lib/griffie/keys \
  # Of the retention service beside a ClickHouse server: as the server's user, whose files it shares.
  && install --directory --owner=101 --group=101 --mode=0700 \
    /var/lib/clickhouse /var/lib/griffie-disk-keys /var/lib/griffie-disk-key-config /var/lib/griffie-retention
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY infra/clickhouse/migrations infra/clickhouse/migrations
COPY regimes regimes
USER 10001:10001
# Node is process 1: the services handle SIGTERM themselves, and finish within 25 seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=2s --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:9464/health/ready').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node"]
CMD ["dist/services/cli/main.js", "--help"]
