"""SOAP messages through a Security Server, on the consumer's and the provider's side.

What REST does alike is in the folder above: admitting clients, finding and judging
peers, access rights, signing, the message log.

* `incoming`: what an information system or a service sends, read part by part.
* `outgoing`: a message for another security server, attachments streamed.
* `forward`: a received message, handed on to a service or to a client.
* `consumer`, `provider`: one message on either side.
"""
