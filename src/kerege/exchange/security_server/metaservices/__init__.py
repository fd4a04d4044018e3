"""Metadata services: what this server answers itself, instead of a service.

`answer_rest` and `SoapMetaservices` take a message that was authenticated and whose
signature was verified, and give what a service would have answered; the message path
signs, logs and sends it like any other answer.
"""

from kerege.exchange.security_server.metaservices.list_clients import ListClients
from kerege.exchange.security_server.metaservices.rest import answer_rest
from kerege.exchange.security_server.metaservices.soap import SoapMetaservices

__all__ = ["ListClients", "SoapMetaservices", "answer_rest"]
