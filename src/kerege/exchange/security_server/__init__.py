"""A Security Server: the message path of X-Road 7, client side and server side."""
