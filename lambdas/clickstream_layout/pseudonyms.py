"""Stand-ins for ids, made with the pipeline's secret key: the same id has the same one for ever.

`u_` and 24 hexadecimal digits stand for a user id, `s_` and as many for a session id that would
have named a person.
"""

from __future__ import annotations

import hashlib


def derive_key(hash_key: bytes) -> bytes:
    """Return the key of `digest` for a pipeline's hash key, which may have any length."""
    return hashlib.sha256(hash_key).digest()


def digest(key: bytes, text: str, purpose: bytes, size: int) -> bytes:
    """Return the keyed hash of a text for one purpose, `size` bytes long."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=size, key=key, person=purpose).digest()


def session_pseudonym(key: bytes, session: str) -> str:
    """Return the stand-in of a session id."""
    return f"s_{digest(key, session, b'session', 12).hex()}"


def stored_sessions(key: bytes, session: str) -> tuple[str, ...]:
    """Return the ids under which a session of a producer's id may be stored, the id itself first.

    Which one it is depends on the event: a session id that holds its event's user id or an address
    is stored as a pseudonym, and as the user's where user and session are the same member.
    """
    return session, session_pseudonym(key, session), user_pseudonym(key, session)


def user_pseudonym(key: bytes, user: str) -> str:
    """Return the stand-in of a user id."""
    return f"u_{digest(key, user, b'user', 12).hex()}"
