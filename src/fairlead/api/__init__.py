"""The control plane's REST API and its pages."""
