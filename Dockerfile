# Two stages: the packages are installed in the first, and only they are taken over into the second.
FROM python:3.11-slim-bookworm AS packages

WORKDIR /build
COPY requirements.txt ./
# Of the Lighter SDK only the signer library is used, so none of what the SDK itself imports is
# installed, and only the library of this machine's kind is kept.
RUN python -m venv /opt/venv \
    && grep -v '^lighter-sdk' requirements.txt > others.txt \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -r others.txt \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
        "$(grep '^lighter-sdk' requirements.txt)" \
    && case "$(uname -m)" in aarch64) kind=linux-arm64 ;; *) kind=linux-amd64 ;; esac \
    && find /opt/venv/lib -path '*/lighter/signers/*' -type f ! -name "*$kind.so" -delete \
    && /opt/venv/bin/pip uninstall --yes --quiet pip setuptools

FROM python:3.11-slim-bookworm

# Not root. What the bot keeps lies under its home, a volume that takes over this owner, so that
# nobody has to change one. The configuration is read through the mounted folder /config: a single
# mounted file would go on showing the old text after an editor has replaced it.
RUN useradd --uid 10001 --create-home --home-dir /home/hedge hedge \
    && ln -s /config/bot_config.json /home/hedge/bot_config.json \
    && chown -h hedge:hedge /home/hedge/bot_config.json
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HEDGE_HOME=/home/hedge

WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY *.py ./
COPY desk ./desk
RUN python -m compileall -q /app /opt/venv

USER hedge
VOLUME /home/hedge
# "unhealthy" means that the bot does not answer; `status` says more.
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s --retries=3 \
    CMD ["python", "lighter_pacifica_hedge.py", "status", "--running"]
CMD ["python", "lighter_pacifica_hedge.py"]
