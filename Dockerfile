# The operator with the packages of its functions. Build: docker build -t clickstream-operator:0.1.0 .
# BASE is any image with Python 3.11 to 3.14 and pip; both stages use the same one.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ENV PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY locks/operator.txt locks/operator.txt
# A virtual environment at its final path: only that folder goes into the image.
RUN python3 -m venv --without-pip /opt/operator \
 && python3 -m pip --python /opt/operator/bin/python install --require-hashes --no-deps \
      --only-binary :all: -r locks/operator.txt
COPY lambdas lambdas
RUN python3 lambdas/build.py --output /opt/lambdas
COPY operator/clickstream_operator operator/clickstream_operator
# The metadata of the distribution is what `clickstream-operator --version` reads. Written by hand,
# because the build backend is not among the locked packages.
COPY pyproject.toml pyproject.toml
RUN ["python3", "-c", "import pathlib, shutil, sysconfig, tomllib; \
project = tomllib.loads(pathlib.Path('pyproject.toml').read_text())['project']; \
site = pathlib.Path(sysconfig.get_path('purelib', 'venv', {'base': '/opt/operator', 'platbase': '/opt/operator'})); \
shutil.copytree('operator/clickstream_operator', site / 'clickstream_operator'); \
info = site / f\"clickstream_operator-{project['version']}.dist-info\"; \
info.mkdir(); \
(info / 'METADATA').write_text(f\"Metadata-Version: 2.1\\nName: {project['name']}\\nVersion: {project['version']}\\n\"); \
(info / 'INSTALLER').write_text('Dockerfile\\n')"]
RUN /opt/operator/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      /opt/operator/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="clickstream-operator" \
      org.opencontainers.image.description="One Kubernetes resource becomes a working real-time clickstream analytics pipeline on AWS." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/operator /opt/operator
COPY --from=build /opt/lambdas /opt/lambdas
COPY LICENSE /opt/operator/LICENSE
ENV PATH=/opt/operator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CLICKSTREAM_PACKAGES=/opt/lambdas \
    CLICKSTREAM_LISTEN_HOST=0.0.0.0
# No name: the kubelet can only check a number against runAsNonRoot.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["/opt/operator/bin/python", "-m", "clickstream_operator"]
