"""The servers that speak X-Road: Security Server, configuration client, keys, message log."""
