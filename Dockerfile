# The operator with the packages of its functions.
# Build: docker build -t clickstream-operator:0.1.0 .
# BASE is any image with Python 3.11 to 3.14; the first stage needs its pip, the second does not.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ARG VERSION=0.1.0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY locks/operator.txt locks/operator.txt
# Wheels with the locked hashes and nothing else: no code of a package runs here.
RUN python3 -m pip install --require-hashes --only-binary :all: --no-compile \
      --target /opt/operator --requirement locks/operator.txt
COPY lambdas lambdas
RUN python3 lambdas/build.py --output /opt/lambdas
COPY operator/clickstream_operator /opt/operator/clickstream_operator
# What `--version` reads. The build backend is not among the locked packages, so it is said by hand.
RUN mkdir "/opt/operator/clickstream_operator-${VERSION}.dist-info" \
 && printf 'Metadata-Version: 2.1\nName: clickstream-operator\nVersion: %s\n' "${VERSION}" \
      > "/opt/operator/clickstream_operator-${VERSION}.dist-info/METADATA" \
 && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/operator \
 && chmod -R a+rX /opt/operator /opt/lambdas

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="clickstream-operator" \
      org.opencontainers.image.description="One Kubernetes resource becomes a working real-time clickstream analytics pipeline on AWS." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /usr/share/doc/clickstream-operator/LICENSE
COPY --from=build /opt/lambdas /opt/lambdas
COPY --from=build /opt/operator /opt/operator
ENV PYTHONPATH=/opt/operator \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CLICKSTREAM_PACKAGES=/opt/lambdas
# Numbers, because the kubelet can't check a name against runAsNonRoot.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "clickstream_operator"]
