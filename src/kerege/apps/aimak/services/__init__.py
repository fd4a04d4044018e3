"""The register's services over the exchange: JSON, for other members' systems.

=======================  =============================================================
``address-fact/{pin}``    where somebody in fact lives
``family-members/{pin}``  who lives in their household
``livestock/{pin}``       the household's animals
``land/{pin}``            the household's plots of land
``household-card/{pin}``  the household: address, members, dwellings, land, animals
``changes``               whom the book has changed since a point in time, in pages
``openapi/{service}``     the OpenAPI description of one of them, for getOpenAPI
=======================  =============================================================

Rules:

1. They listen apart from the site, and believe X-Road headers only from their own
   Security Server (`listener`). The site does not know these paths.
2. Each call is in the audit log before it is answered: which subsystem, which user, for
   whom, for what purpose, and a keyed hash of the PIN (`asking`). Refused ones too.
3. "Not found" is HTTP 404 with ``{"code": "not_found"}``. The two services that clients
   already use signal it as those clients expect: `address-fact` with HTTP 204,
   `family-members` with HTTP 200 and ``"code": 405`` in the body.
4. A protected person is not found, in all of them; in other people's households they
   are a row without a name (`kerege.apps.aimak.protection`).
5. What is asked is bounded (`bounds`), and so is every answer.
"""
