# One image for api, worker, console and simulator: the command picks. It is installed as `make` does it.
FROM python:3.13-slim AS build
WORKDIR /app
COPY scripts/setup.sh scripts/
COPY requirements.lock ./
RUN scripts/setup.sh dependencies
COPY . .
RUN scripts/setup.sh runtime

FROM python:3.13-slim
RUN groupadd --system --gid 10001 ponte \
    && useradd --system --uid 10001 --gid ponte --home-dir /data --no-create-home ponte \
    && install --directory --owner ponte --group ponte /data
# The program belongs to root: what runs cannot change it.
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    DATA_DIR=/data \
    LOG_FORMAT=json
USER ponte
VOLUME /data
EXPOSE 5000 8501 8600
STOPSIGNAL SIGTERM
# For the API; docker-compose.yml gives the other services their own.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '5000') + '/healthz', timeout=4)"]
CMD ["ponte", "api"]
