FROM python:3.13-slim AS packages
COPY requirements.txt .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=quantify.settings.prod
RUN useradd --system --uid 10001 --no-create-home quantify
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
# Collecting static files reads the settings, whose secrets are given only when the image runs.
RUN SECRET_KEY=unused-while-building DATABASE_URL=postgres:///unused ALLOWED_HOSTS=unused \
    python manage.py collectstatic --no-input \
    && chown quantify var
USER quantify
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "quantify/stack/healthcheck.py"]
CMD ["python", "-m", "quantify.stack.web", "--host=0.0.0.0", "--port=8000", "--workers=2", \
     "--blocking-threads=8", "quantify.wsgi:application"]
