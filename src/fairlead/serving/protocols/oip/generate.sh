#!/bin/sh
# Writes oip_pb2.py and oip_pb2.pyi from oip.proto. The compiler must be one whose code loads with
# the oldest protobuf that pyproject.toml names for gRPC:
#     python -m venv tools && tools/bin/pip install 'grpcio-tools>=1.74,<1.75'
#     sh src/fairlead/serving/protocols/oip/generate.sh "$PWD/tools/bin/python"
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=${here%/fairlead/serving/protocols/oip}
cd / # the compiler's own imports must not find the modules beside the file
"$1" -m grpc_tools.protoc -I"$source" --python_out="$source" --pyi_out="$source" "$here/oip.proto"
