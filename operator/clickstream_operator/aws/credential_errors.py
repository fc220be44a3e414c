"""Failures of a credential, by the way it comes in, each with the remedy that helps.

The SDK looks for a credential in this order: static keys in the environment, a web identity token
(IRSA), a profile in the shared files, SSO, the container endpoint (EKS Pod Identity, ECS), the
instance role (AWS SDKs and Tools Reference Guide, "Standardized credential providers").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from botocore import exceptions

IRSA_FILE: Final = "AWS_WEB_IDENTITY_TOKEN_FILE"
POD_IDENTITY_FILE: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_FILES: Final = {
    IRSA_FILE: "the ServiceAccount token of IRSA; give the ServiceAccount the annotation "
    "eks.amazonaws.com/role-arn and restart the Pod, so that the token is mounted and readable "
    "(securityContext.fsGroup)",
    POD_IDENTITY_FILE: "the token of EKS Pod Identity; check the Pod Identity association of the "
    "ServiceAccount and restart the Pod, so that the token is mounted and readable "
    "(securityContext.fsGroup)",
    "AWS_SHARED_CREDENTIALS_FILE": "the shared credentials file; mount it, or unset the variable",
    "AWS_CONFIG_FILE": "the shared config file; mount it, or unset the variable",
}
_NONE_FOUND: Final = (
    "give the operator's ServiceAccount a role (IRSA or EKS Pod Identity), or set "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for an instance role the metadata service must "
    "be reachable from Pods (hop limit 2)"
)
_LOG_IN: Final = (
    "log in again (aws sso login), or give the operator a role instead of a person's login"
)
_LOGIN_ERRORS: Final = (
    exceptions.SSOError,
    exceptions.LoginError,
    exceptions.NoAuthTokenError,
    exceptions.TokenRetrievalError,
)
#: The remedy where nothing more is known.
RENEW: Final = "renew the operator's AWS credential"
_CLOCK: Final = "the clock of the node is wrong by minutes; synchronize it (NTP)"

#: Remedies by the code of AWS's answer, beside the general one.
_BY_CODE: Final = {
    "RequestExpired": _CLOCK,
    "RequestInTheFuture": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "InvalidIdentityToken": "create the cluster's OIDC provider in this AWS account, with the "
    "audience of the token (sts.amazonaws.com, or the chart's aws.auth.audience)",
    "IDPRejectedClaim": "restart the Pod for a new ServiceAccount token, and compare its audience "
    "with the OIDC provider's",
    "RegionDisabledException": "enable the region for the AWS account, or STS in it (Account "
    "settings of IAM), or use another spec.region",
    "OptInRequired": "sign the AWS account up for the service, or enable the region",
    "SubscriptionRequiredException": "sign the AWS account up for the service",
    "NotSignedUp": "sign the AWS account up for the service",
    "InvalidClientTokenId": f"{RENEW}; in a region that must be enabled, a token of the global "
    "STS endpoint is refused as well: set AWS_STS_REGIONAL_ENDPOINTS=regional",
}
_WEB_IDENTITY_TRUST: Final = (
    "the role's trust policy must name the cluster's OIDC provider, this ServiceAccount as sub and "
    "the token's audience as aud"
)


def remedy_for(code: str, text: str, *, step: str = "", credential: bool = True) -> str:
    """The remedy for a refusal; empty where AWS's words say all.

    `step`: the STS operation that refused the credential. `credential`: the credential itself was
    refused, so that it has to be renewed where no code says more.
    """
    if code in {"SignatureDoesNotMatch", "InvalidSignatureException"} and "expired" in text.lower():
        return _CLOCK
    if step == "AssumeRoleWithWebIdentity" and code in {"AccessDenied", "AccessDeniedException"}:
        return _WEB_IDENTITY_TRUST
    if step == "AssumeRoleWithWebIdentity" and code not in _BY_CODE:
        return f"check {IRSA_FILE} and AWS_ROLE_ARN of the Pod; {_WEB_IDENTITY_TRUST}"
    return _BY_CODE.get(code, RENEW if credential else "")


def unreadable_file(
    error: OSError, environment: Mapping[str, str] = os.environ
) -> tuple[str, str] | None:
    """Text and remedy for a credential file that can't be read; None for another file.

    The SDK does not catch this: a path that is missing, a folder or without read permission leaves
    it as the operating system's error.
    """
    path = str(error.filename or "")
    reason = error.strerror or type(error).__name__
    for variable, remedy in _FILES.items():
        if path and environment.get(variable) == path:
            return f"{variable} names {path}: {reason}", f"it is {remedy}"
    return None


def undecodable_file(
    error: UnicodeDecodeError, environment: Mapping[str, str] = os.environ
) -> tuple[str, str] | None:
    """Text and remedy for a token that is no text; None where no token file is configured."""
    for variable in (IRSA_FILE, POD_IDENTITY_FILE):
        if environment.get(variable):
            path = environment[variable]
            text = f"{variable} names {path}, which holds no token ({type(error).__name__})"
            return text, f"it is {_FILES[variable]}"
    return None


def retrieval_failure(
    error: exceptions.BotoCoreError, environment: Mapping[str, str] = os.environ
) -> tuple[str, str, str] | None:
    """Code, text and remedy for a credential that the SDK could not get; None for other errors."""
    words = str(error)
    if isinstance(error, exceptions.NoCredentialsError):
        return "NoCredentials", "no AWS credentials found", _NONE_FOUND
    if isinstance(error, exceptions.PartialCredentialsError):
        return "PartialCredentials", words, "set what is missing, or unset the rest"
    if isinstance(error, exceptions.ProfileNotFound | exceptions.UnknownCredentialError):
        return "ProfileNotFound", words, "correct AWS_PROFILE or the shared config file"
    if isinstance(
        error,
        exceptions.ConfigParseError
        | exceptions.ConfigNotFound
        | exceptions.InvalidConfigError
        | exceptions.RefreshWithMFAUnsupportedError,
    ):
        return "InvalidConfig", words, "correct the shared config file, or unset AWS_CONFIG_FILE"
    if isinstance(error, _LOGIN_ERRORS):
        return "NotLoggedIn", words, _LOG_IN
    if isinstance(error, exceptions.CredentialRetrievalError | exceptions.MetadataRetrievalError):
        return "CredentialRetrieval", words, _retrieval_remedy(environment)
    return None


def _retrieval_remedy(environment: Mapping[str, str]) -> str:
    if environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return (
            "check the Pod Identity association of the ServiceAccount, the role's trust in "
            "pods.eks.amazonaws.com (sts:AssumeRole and sts:TagSession), and the eks-pod-identity-"
            "agent on the node"
        )
    if environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return "check the role of the task, and the agent that serves its credentials"
    return "check the credential process or the metadata service that the operator is to use"
