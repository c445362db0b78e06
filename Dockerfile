# Build with the compilers, run without them.
FROM node:20-bookworm-slim AS build
WORKDIR /kith
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production \
    KITH_DATA_DIR=/var/lib/kith \
    KITH_LISTEN=0.0.0.0:3000
WORKDIR /kith
COPY --from=build /kith/package.json ./
COPY --from=build /kith/node_modules node_modules
COPY --from=build /kith/dist dist
COPY --from=build /kith/views views
COPY --from=build /kith/public public
COPY --from=build /kith/locales locales
# The server secret and, without DATABASE_URL, the database.
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/kith
VOLUME /var/lib/kith
USER node
EXPOSE 3000
# The listener for those who watch is inside the container only.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3001/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/kith.js"]
CMD ["start"]
