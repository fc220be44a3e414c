# The operator with the packages of its functions.
# Build: make image, or make web and docker build -t clickstream-operator:0.1.0 .
# BASE is any image with Python 3.11 to 3.14; the first stage needs its pip, the second does not.
# Python 3.13.15 on Debian 13, amd64 and arm64. The digest decides; the tag says what it is.
ARG BASE=docker.io/library/python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
ARG VERSION=0.1.0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY locks/operator.txt locks/operator.txt
# Wheels with the locked hashes and nothing else: no code of a package runs here.
# Where packages come only from a mirror, its settings are given as secrets; without them these are absent.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m pip install --require-hashes --only-binary :all: --no-compile \
      --target /opt/operator --requirement locks/operator.txt
# What the operator never loads, 88 MB of it: Kubernetes' second client, scripts, and the models of
# the AWS services that it does not call. sso, sso-oidc, signin and sts are for credentials.
WORKDIR /opt/operator/botocore/data
RUN rm -r /opt/operator/kubernetes/aio /opt/operator/bin \
 && for service in */; do \
      case "${service%/}" in \
        cloudwatch|dynamodb|iam|kinesis|kms|lambda|logs|resourcegroupstaggingapi|s3|scheduler|signin|sns|sqs|ssm|sso|sso-oidc|sts) ;; \
        *) rm -r "${service}" ;; \
      esac; \
    done
WORKDIR /src
# The script of web pages, which make builds with npm.
COPY build/web build/web
COPY lambdas lambdas
RUN python3 lambdas/build.py --output /opt/lambdas
# Without what the operator never runs: .dockerignore names it, and a test compares both with the imports.
COPY operator/clickstream_operator /opt/operator/clickstream_operator
COPY lambdas/clickstream_layout/__init__.py lambdas/clickstream_layout/tables.py /opt/operator/clickstream_layout/
# What `--version` reads. The build backend is not among the locked packages, so it is said by hand.
RUN mkdir "/opt/operator/clickstream_operator-${VERSION}.dist-info" \
 && printf 'Metadata-Version: 2.1\nName: clickstream-operator\nVersion: %s\n' "${VERSION}" \
      > "/opt/operator/clickstream_operator-${VERSION}.dist-info/METADATA" \
 && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/operator \
 && chmod -R a+rX /opt/operator /opt/lambdas

FROM ${BASE}
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="clickstream-operator" \
      org.opencontainers.image.description="One Kubernetes resource becomes a working real-time clickstream analytics pipeline on AWS." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE}"
COPY LICENSE locks/operator.cdx.json /usr/share/doc/clickstream-operator/
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
