# hedgerow as a container: docs/container.md says how to run it.
# Everything that the bot needs is made in the first stage; the second has neither pip nor source nor build tools.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The dependencies first: they are made anew only when the lock changes. pip compiles what it installs.
COPY requirements-alerts.lock ./
RUN python -m venv --without-pip /opt/hedgerow
RUN pip --python /opt/hedgerow/bin/python install --quiet --require-hashes --requirement requirements-alerts.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
RUN pip --python /opt/hedgerow/bin/python install --quiet --no-deps --no-build-isolation .
RUN mkdir -p /srv/hedgerow/var

FROM python:${PYTHON}-slim
# The account that owns the configuration, the secrets and the volume: numbers, so that no user has to be made.
ARG UID=1000
COPY --from=build /opt/hedgerow /opt/hedgerow
COPY --from=build --chown=${UID}:${UID} /srv/hedgerow/var /var/lib/hedgerow
COPY config /usr/share/hedgerow/config
WORKDIR /usr/share/hedgerow
ENV PATH=/opt/hedgerow/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HEDGEROW_CONFIG=/etc/hedgerow/hedgerow.yaml \
    HEDGEROW_JOURNAL=/var/lib/hedgerow/hedgerow.db \
    HEDGEROW_LOG__FILE=/var/lib/hedgerow/hedgerow.log
USER ${UID}:${UID}
VOLUME ["/var/lib/hedgerow"]
STOPSIGNAL SIGTERM
# Alive is who decides, not who exists: the age of the last decision counts.
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 CMD ["hedgerow", "health", "--alert"]
ENTRYPOINT ["hedgerow"]
# No order leaves unless somebody asks for it.
CMD ["run", "--dry-run"]
