# Sheaf in a container: the native parts are compiled in the first stage, and only what runs goes into the second.
#
#     docker build -t sheaf .
#     docker run -p 127.0.0.1:8815:8815 -p 127.0.0.1:8123:8123 -e SHEAF_INSECURE=1 -v sheaf-data:/var/lib/sheaf sheaf
#
# In a container the server listens on all addresses, which it refuses without certificate and tokens unless it is told
# that this is meant: SHEAF_INSECURE=1 behind ports that only this machine reaches, as above; else SHEAF_TLS_CERT and
# SHEAF_TLS_KEY, and a token: docker run … sheaf token create NAME.
FROM node:22-bookworm AS build
WORKDIR /sheaf
COPY package.json package-lock.json .npmrc ./
COPY tools ./tools
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY proto ./proto
COPY migrations ./migrations
RUN npm run build && npm prune --omit=dev

FROM node:22-bookworm-slim
ENV NODE_ENV=production SHEAF_DATA_DIR=/var/lib/sheaf SHEAF_HOST=0.0.0.0
WORKDIR /sheaf
COPY --from=build /sheaf/package.json ./
COPY --from=build /sheaf/node_modules ./node_modules
COPY --from=build /sheaf/dist ./dist
COPY --from=build /sheaf/proto ./proto
COPY --from=build /sheaf/migrations ./migrations
RUN install -d -o node -g node -m 0700 /var/lib/sheaf
USER node
VOLUME /var/lib/sheaf
EXPOSE 8815 8123
STOPSIGNAL SIGTERM
# Asks for life, not for identity: the certificate need not be for 127.0.0.1.
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "const e = process.env; e.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch(`${e.SHEAF_TLS_CERT ? 'https' : 'http'}://127.0.0.1:${e.SHEAF_HTTP_PORT || 8123}/ping`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
