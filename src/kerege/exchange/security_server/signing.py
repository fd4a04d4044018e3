"""Signing what this server sends: one ready-made template per member.

A template holds all bytes of a signature that do not change from message to
message; it is made anew only when the member's OCSP responses change.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from cryptography import x509

from kerege.exchange.security_server.batches import Batch
from kerege.exchange.security_server.own_ocsp import OwnOCSP
from kerege.exchange.security_server.settings import Settings
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.signature import (
    Part,
    SignatureData,
    SignatureTemplate,
    Signer,
    sign_messages,
)

ChainOf = Callable[[x509.Certificate], Sequence[x509.Certificate]]
"""A certificate of ours and the CAs above it, without the root."""


class SigningContexts:
    """Signs messages for the members that this server has signing keys of."""

    def __init__(
        self,
        signers: Mapping[ClientId, Signer],
        chain_of: ChainOf,
        ocsp: OwnOCSP,
        settings: Settings,
    ) -> None:
        """Make contexts.

        Args:
            signers: The signer of each member.
            chain_of: Finds the chain of a signing certificate.
            ocsp: Where OCSP responses come from.
            settings: They say whether messages share signatures.
        """
        self._signers = signers
        self._chain_of = chain_of
        self._ocsp = ocsp
        self._settings = settings.signing
        self._batches: dict[ClientId, Batch] = {}
        self._templates: dict[
            ClientId, tuple[tuple[bytes, ...], SignatureTemplate]
        ] = {}

    async def sign(
        self, client: ClientId, parts: Sequence[Part], signing_time: datetime
    ) -> SignatureData:
        """Sign one message of ``client`` with the key of its member.

        Raises:
            XRoadError: ``unknown_member`` if there is no signing key for the member,
                ``cannot_create_signature`` if it has no valid OCSP response.
        """
        member = client.member
        if not self._settings.batch:
            return self._sign(member, [parts], signing_time)[0]
        batch = self._batches.get(member)
        if batch is None:
            self.signer(client)  # a batch for each member that has a key
            batch = self._batches[member] = Batch(partial(self._sign, member))
        return await batch.add(parts, signing_time)

    def _sign(
        self,
        member: ClientId,
        messages: Sequence[Sequence[Part]],
        signing_time: datetime,
    ) -> list[SignatureData]:
        signer = self.signer(member)
        template = self._template(member, signer)
        return sign_messages(template, signer, messages, signing_time)

    def signer(self, client: ClientId) -> Signer:
        """Return the signer of the client's member. Raises ``unknown_member``."""
        try:
            return self._signers[client.member]
        except KeyError:
            raise XRoadError(
                "unknown_member",
                f"No signing key for member '{client.member}'",
                advice="Import a signing certificate of this member, or check that "
                "the token is logged in: kerege security-server keys list",
            ) from None

    def _template(self, member: ClientId, signer: Signer) -> SignatureTemplate:
        chain = tuple(self._chain_of(signer.certificate))
        responses = self._ocsp.responses(chain)
        if responses is None:
            raise XRoadError(
                "cannot_create_signature",
                f"No valid OCSP response for the signing certificate of '{member}'",
                advice="Check that the OCSP responder of the CA can be reached and "
                "that the certificate is not revoked: kerege security-server keys list",
            )
        known = self._templates.get(member)
        if known and known[0] == responses:
            return known[1]
        template = SignatureTemplate(
            signer.certificate,
            signer.algorithm,
            chain=chain[1:],
            ocsp_responses=responses,
        )
        self._templates[member] = (responses, template)
        return template
