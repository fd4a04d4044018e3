r"""X-Road identifiers: who, which system, which service, which server.

Rules (PR-MESS section 2.1, PR-REST section 4.2, `XRoadId.java`):

* An identifier is a tuple of codes; two are equal when all codes are, case counts.
* Log and metrics form: ``SUBSYSTEM:EE/GOV/1234/system``.
* Path and header form: ``EE/GOV/1234/system``, each code percent-encoded.
* Management API form: ``EE:GOV:1234:system``; a service is ``...:code.version``.
* Codes with ``% : ; / \\``, control characters, U+200B or U+FEFF are refused by
  administration and only warned about in messages.

Forms in XML live in `kerege.xroad.identifier_xml`.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from kerege.xroad.faults import XRoadError

_UNESCAPED = "!$&'()*+,;=:@"
"""Kept as they are in a path segment, besides unreserved characters (RFC 3986)."""

_FORBIDDEN = re.compile("[%:;/\\\\\u200b\ufeff\u0000-\u001f\u007f-\u009f]")
_STRICT = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'()+,-.=?"
)
REMEMBERED = 1024
"""Identifiers whose written form is remembered: those of a busy server."""
MAX_IDENTIFIER_CHARACTERS = 2048
"""Longest encoded identifier read; the reference's database columns hold 255 a code."""


class ObjectType(Enum):
    """The ``objectType`` attribute of an identifier in XML."""

    SERVER = "SERVER"
    SERVICE = "SERVICE"
    MEMBER = "MEMBER"
    SUBSYSTEM = "SUBSYSTEM"
    GLOBALGROUP = "GLOBALGROUP"
    LOCALGROUP = "LOCALGROUP"


class XRoadId:
    """What all identifiers can do. The concrete ones are frozen dataclasses."""

    __slots__ = ()

    @property
    def object_type(self) -> ObjectType:
        """What kind of thing is named."""
        raise NotImplementedError

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that are set, from the instance downwards."""
        raise NotImplementedError

    def __str__(self) -> str:
        return f"{self.object_type.value}:{'/'.join(self.codes)}"

    @property
    def short(self) -> str:
        """The codes with slashes, not encoded: for people."""
        return "/".join(self.codes)

    @property
    def path(self) -> str:
        """The form in REST paths and headers: codes percent-encoded, with slashes."""
        return _path(self.codes)

    @property
    def encoded(self) -> str:
        """The form of the management API: codes with colons."""
        return ":".join(self.codes)


@lru_cache(maxsize=REMEMBERED)
def _path(codes: tuple[str, ...]) -> str:
    return "/".join([quote(code, safe=_UNESCAPED) for code in codes])


@dataclass(frozen=True, slots=True)
class ClientId(XRoadId):
    """A member (no subsystem code) or one of its subsystems."""

    instance: str
    member_class: str
    member_code: str
    subsystem_code: str | None = None

    @property
    def object_type(self) -> ObjectType:
        """MEMBER, or SUBSYSTEM if there is a subsystem code."""
        return ObjectType.SUBSYSTEM if self.subsystem_code else ObjectType.MEMBER

    @property
    def codes(self) -> tuple[str, ...]:
        """Three codes for a member, four for a subsystem."""
        member = (self.instance, self.member_class, self.member_code)
        return (*member, self.subsystem_code) if self.subsystem_code else member

    @property
    def member(self) -> "ClientId":
        """The member that owns this subsystem; a member is its own."""
        if not self.subsystem_code:
            return self
        return ClientId(self.instance, self.member_class, self.member_code)

    @classmethod
    def from_path(cls, text: str) -> "ClientId":
        """Read three or four percent-encoded codes with slashes.

        Raises ``invalid_client_identifier``.
        """
        codes = _split_path(text)
        if len(codes) not in (3, 4):
            raise XRoadError(
                "invalid_client_identifier",
                f"A client identifier has 3 or 4 codes, {text[:255]!r} "
                f"has {len(codes)}",
            )
        return cls(*codes)

    @classmethod
    def from_encoded(cls, text: str) -> "ClientId":
        """Read the management API's form. Raises ``invalid_encoded_id``."""
        return cls(*_split_encoded(text, (3, 4)))


@dataclass(frozen=True, slots=True)
class ServiceId(XRoadId):
    """A service of a subsystem; SOAP also knows services of a member itself."""

    instance: str
    member_class: str
    member_code: str
    subsystem_code: str | None
    service_code: str
    service_version: str | None = None

    @property
    def object_type(self) -> ObjectType:
        """Always SERVICE."""
        return ObjectType.SERVICE

    @property
    def client_id(self) -> ClientId:
        """The provider."""
        return ClientId(
            self.instance, self.member_class, self.member_code, self.subsystem_code
        )

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the provider, the service, and its version where there is one."""
        version = (self.service_version,) if self.service_version else ()
        return (*self.client_id.codes, self.service_code, *version)

    @property
    def encoded(self) -> str:
        """The management API's form, ``instance:class:member:subsystem:code.version``."""
        version = f".{self.service_version}" if self.service_version else ""
        return f"{self.client_id.encoded}:{self.service_code}{version}"

    @classmethod
    def from_path(cls, text: str) -> "ServiceId":
        """Read exactly five percent-encoded codes, as REST uses them.

        Raises ``internal_error``, which is what the reference answers.
        """
        codes = _split_path(text)
        if len(codes) != 5:
            raise XRoadError(
                "internal_error",
                f"A REST service identifier has 5 codes, {text[:255]!r} "
                f"has {len(codes)}",
            )
        return cls(*codes)

    @classmethod
    def from_encoded(cls, text: str) -> "ServiceId":
        """Read the management API's form. Raises ``invalid_encoded_id``."""
        *client, service = _split_encoded(text, (5,))
        code, dot, version = service.partition(".")
        if "." in version or (dot and not version) or not code:
            raise _bad_encoded(text)
        instance, member_class, member_code, subsystem = client
        return cls(
            instance, member_class, member_code, subsystem, code, version or None
        )


@dataclass(frozen=True, slots=True)
class SecurityServerId(XRoadId):
    """A security server: its owner and its server code."""

    instance: str
    member_class: str
    member_code: str
    server_code: str

    @property
    def object_type(self) -> ObjectType:
        """Always SERVER."""
        return ObjectType.SERVER

    @property
    def codes(self) -> tuple[str, ...]:
        """Four codes."""
        return (self.instance, self.member_class, self.member_code, self.server_code)

    @property
    def owner(self) -> ClientId:
        """The member that owns the server."""
        return ClientId(self.instance, self.member_class, self.member_code)

    @classmethod
    def from_path(cls, text: str) -> "SecurityServerId":
        """Read four percent-encoded codes. Raises ``invalid_security_server``."""
        codes = _split_path(text)
        if len(codes) != 4:
            raise XRoadError(
                "invalid_security_server",
                f"A security server identifier has 4 codes, {text[:255]!r} "
                f"has {len(codes)}",
            )
        return cls(*codes)

    @classmethod
    def from_encoded(cls, text: str) -> "SecurityServerId":
        """Read the management API's form. Raises ``invalid_encoded_id``."""
        return cls(*_split_encoded(text, (4,)))


@dataclass(frozen=True, slots=True)
class GlobalGroupId(XRoadId):
    """A group of members and subsystems, kept by the central server."""

    instance: str
    group_code: str

    @property
    def object_type(self) -> ObjectType:
        """Always GLOBALGROUP."""
        return ObjectType.GLOBALGROUP

    @property
    def codes(self) -> tuple[str, ...]:
        """Instance and group code."""
        return (self.instance, self.group_code)


@dataclass(frozen=True, slots=True)
class LocalGroupId(XRoadId):
    """A group that one subsystem keeps on its security server."""

    group_code: str

    @property
    def object_type(self) -> ObjectType:
        """Always LOCALGROUP."""
        return ObjectType.LOCALGROUP

    @property
    def codes(self) -> tuple[str, ...]:
        """The group code alone: a local group has no instance."""
        return (self.group_code,)


def code_is_valid(code: str) -> bool:
    """Whether a code has none of the forbidden characters (legacy rule)."""
    return _FORBIDDEN.search(code) is None


def code_is_strict(code: str) -> bool:
    """Whether a code has only the characters that are safe for new identifiers."""
    return all(c in _STRICT for c in code)


def invalid_codes(identifier: XRoadId) -> tuple[str, ...]:
    """Return the codes with forbidden characters; messages only warn about them."""
    codes = identifier.codes
    if code_is_valid("".join(codes)):
        return ()
    return tuple(code for code in codes if not code_is_valid(code))


def encode_segment(code: str) -> str:
    """Percent-encode one code as a path segment (UTF-8)."""
    return quote(code, safe=_UNESCAPED)


def decode_segment(segment: str) -> str:
    """Undo `encode_segment`. Raises ``internal_error`` on bytes that are not UTF-8."""
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise XRoadError(
            "internal_error", f"Path segment {segment[:255]!r} is not UTF-8"
        ) from None


def _split_path(text: str) -> list[str]:
    if len(text) > MAX_IDENTIFIER_CHARACTERS:
        raise XRoadError(
            "internal_error",
            f"Identifier is longer than {MAX_IDENTIFIER_CHARACTERS} characters",
        )
    codes = [decode_segment(segment) for segment in text.split("/")]
    if not all(codes):
        raise XRoadError(
            "internal_error", f"Identifier {text[:255]!r} has an empty code"
        )
    return codes


def _split_encoded(text: str, lengths: tuple[int, ...]) -> list[str]:
    codes = text.split(":") if len(text) <= MAX_IDENTIFIER_CHARACTERS else []
    if len(codes) not in lengths or not all(codes):
        raise _bad_encoded(text)
    return codes


def _bad_encoded(text: str) -> XRoadError:
    return XRoadError(
        "invalid_encoded_id", f"Invalid encoded identifier {text[:255]!r}"
    )
