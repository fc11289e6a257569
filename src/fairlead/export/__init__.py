"""A version as files for where there is no platform: a browser, a device, a container."""
