"""Metadata services, and the descriptions of services that they hand on.

Rules (PR-META, PR-MREST, `src/addons/metaservice`):

* listClients is answered on the client port, from the global configuration.
* listMethods, allowedMethods, getOpenAPI (REST) and getWsdl (SOAP) are messages to a
  provider; its server answers. Codes are compared by case, no right is needed.
* A description is shown without the hosts of the services behind the server.
"""

from kerege.xroad.metadata._clients import (
    JSON_MEDIA_TYPE,
    XML_MEDIA_TYPE,
    accepts_json,
    client_list_json,
    client_list_xml,
)
from kerege.xroad.metadata._methods import (
    ALLOWED_METHODS,
    GET_OPENAPI,
    GET_WSDL,
    LIST_METHODS,
    RESERVED_SERVICE_CODES,
    RestService,
    is_rest_metaservice,
    is_soap_metaservice,
    rest_methods_json,
)
from kerege.xroad.metadata._openapi import (
    MAX_DESCRIPTION_BYTES,
    OpenApiDescription,
    anonymised,
    is_json_description,
    read_openapi,
)
from kerege.xroad.metadata._soap import (
    SOAP_MEDIA_TYPE,
    soap_methods,
    soap_with_wsdl,
    wanted_wsdl,
)
from kerege.xroad.metadata._wsdl import (
    WsdlDescription,
    WsdlOperation,
    anonymised_wsdl,
    read_wsdl,
    with_address,
)

__all__ = [
    "ALLOWED_METHODS",
    "GET_OPENAPI",
    "GET_WSDL",
    "JSON_MEDIA_TYPE",
    "LIST_METHODS",
    "MAX_DESCRIPTION_BYTES",
    "RESERVED_SERVICE_CODES",
    "SOAP_MEDIA_TYPE",
    "XML_MEDIA_TYPE",
    "OpenApiDescription",
    "RestService",
    "WsdlDescription",
    "WsdlOperation",
    "accepts_json",
    "anonymised",
    "anonymised_wsdl",
    "client_list_json",
    "client_list_xml",
    "is_json_description",
    "is_rest_metaservice",
    "is_soap_metaservice",
    "read_openapi",
    "read_wsdl",
    "rest_methods_json",
    "soap_methods",
    "soap_with_wsdl",
    "wanted_wsdl",
    "with_address",
]
