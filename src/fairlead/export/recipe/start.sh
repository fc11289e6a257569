#!/bin/sh
# Registers the bundle, which changes nothing if it is there already, and serves it.
set -eu
told=$(fairlead import "$(dirname "$0")/{{ archive }}" --trust {{ signer }})
version=${told#Registered as }
exec fairlead up "${version%.}"{{ " --allow-pickle" if pickle }} "$@"
