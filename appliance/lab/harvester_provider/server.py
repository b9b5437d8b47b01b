"""Terraform's side of it: the plugin protocol, version 6, over gRPC on a socket of our own.

The messages are those of PyPI's `tf`. Its server is not used: it ends calls in the middle when
Terraform asks it to stop, where upstream ends its waits and tells what it has made.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc, grpc_stdio_pb2_grpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from appliance.lab.harvester_provider import codec, planning, schema
from appliance.lab.harvester_provider.kube import ApiError, Cluster, access, kubeconfig_text
from appliance.lab.harvester_provider.resources import (
    CloudInitSecret,
    Image,
    Machine,
    Network,
    Operations,
    PartialError,
)
from appliance.lab.harvester_provider.waiting import Wait, seconds

State = dict[str, Any]
_COOKIE = "TF_PLUGIN_MAGIC_COOKIE"
# Terraform asks for each thing in a thread of its own; a waiting one holds one here.
_THREADS = 32
FAULTY_SINCE = "1.8.0"
"""harvester#10728; versions of this provider compare as texts."""
_DEFAULT_TIMEOUT = {
    ("harvester_image", "create"): "5m",
    ("harvester_image", "update"): "5m",
    ("harvester_network", "delete"): "5m",
    ("harvester_virtualmachine", "delete"): "5m",
}


class Provider(rpc.ProviderServicer):  # type: ignore[misc]
    """Answers Terraform. One for a process."""

    def __init__(
        self, version: str, environment: Callable[[str | None], str] = kubeconfig_text
    ) -> None:
        self._environment = environment
        self._operations: dict[str, Operations] = {
            "harvester_image": Image(),
            "harvester_network": Network(),
            "harvester_cloudinit_secret": CloudInitSecret(),
            "harvester_virtualmachine": Machine(tells_cloud_init_disk=version >= FAULTY_SINCE),
        }
        self._kubeconfig: str | None = None
        self._stop = threading.Event()

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        """Tell all arguments."""
        return pb.GetProviderSchema.Response(
            provider=_schema(schema.PROVIDER),
            provider_meta=_schema(schema.Block(())),
            resource_schemas={name: _schema(block) for name, block in schema.RESOURCES.items()},
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        """Find nothing wrong: what is wrong with a kubeconfig is seen when it is read."""
        return pb.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        """Keep the kubeconfig's whereabouts; it is read at the first call, as upstream does."""
        config = codec.read(request.config) or {}
        self._kubeconfig = config.get("kubeconfig")
        return pb.ConfigureProvider.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        """Say what is wrong with a configuration."""
        config = codec.read(request.config)
        found = planning.faults(schema.RESOURCES[request.type_name], config)
        told = [_fault(f"{request.type_name}: {where}", said) for where, said in found]
        return pb.ValidateResourceConfig.Response(diagnostics=told)

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        """Give back what was kept; there was never another form."""
        state = json.loads(request.raw_state.json)
        block = schema.RESOURCES[request.type_name]
        return pb.UpgradeResourceState.Response(
            upgraded_state=codec.write(planning.aligned(block, state, state))
        )

    def ReadResource(self, request: Any, context: Any) -> Any:
        """Say what a thing is now."""
        known = codec.read(request.current_state)
        try:
            found = self._operations[request.type_name].read(self._cluster(), known)
        except (ApiError, ValueError) as error:
            return pb.ReadResource.Response(
                new_state=request.current_state, diagnostics=[_fault(str(error))]
            )
        block = schema.RESOURCES[request.type_name]
        state = None if found is None else planning.aligned(block, found, known)
        return pb.ReadResource.Response(new_state=codec.write(state))

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        """Say what a thing will be."""
        proposed = codec.read(request.proposed_new_state)
        if proposed is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        prior = codec.read(request.prior_state)
        block = schema.RESOURCES[request.type_name]
        planned = planning.plan(block, prior, proposed)
        anew = [] if prior is None else planning.replaced(block, prior, planned)
        return pb.PlanResourceChange.Response(
            planned_state=codec.write(planned),
            requires_replace=[_attribute_path(name) for name in anew],
            legacy_type_system=True,  # as all providers of this SDK: "" and null are much the same
        )

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        """Do it."""
        prior = codec.read(request.prior_state)
        planned = codec.read(request.planned_state)
        told: list[Any] = []
        state = prior
        try:
            state = self._done(request.type_name, prior, planned)
        except PartialError as error:
            told, state = [_fault(str(error))], self._aligned(request, error.state, planned)
        except (ApiError, ValueError) as error:
            told = [_fault(str(error))]
        return pb.ApplyResourceChange.Response(
            new_state=codec.write(state), diagnostics=told, legacy_type_system=True
        )

    def ImportResourceState(self, request: Any, context: Any) -> Any:
        """Take over a thing by its id `namespace/name`; Terraform reads it next."""
        namespace, _, name = request.id.rpartition("/")
        known = {"id": request.id, "namespace": namespace or "default", "name": name}
        block = schema.RESOURCES[request.type_name]
        state = codec.write(planning.aligned(block, known, {}))
        imported = pb.ImportResourceState.ImportedResource(type_name=request.type_name, state=state)
        return pb.ImportResourceState.Response(imported_resources=[imported])

    def StopProvider(self, request: Any, context: Any) -> Any:
        """End all waits; what is under way then tells how far it came."""
        self._stop.set()
        return pb.StopProvider.Response()

    def _cluster(self) -> Cluster:
        return Cluster(access(self._environment(self._kubeconfig)))

    def _done(self, kind: str, prior: State | None, planned: State | None) -> State | None:
        operations, cluster = self._operations[kind], self._cluster()
        block = schema.RESOURCES[kind]
        if planned is None:
            operations.delete(cluster, prior or {}, self._wait(kind, "delete", prior or {}))
            return None
        wanted = planning.settled(planned)
        if prior is None:
            found = operations.create(cluster, wanted, self._wait(kind, "create", wanted))
        else:
            wait = self._wait(kind, "update", wanted)
            found = operations.update(cluster, prior, wanted, wait)
        return planning.aligned(block, found, wanted)

    def _aligned(self, request: Any, found: State, planned: State) -> State:
        block = schema.RESOURCES[request.type_name]
        return planning.aligned(block, found, planning.settled(planned))

    def _wait(self, kind: str, operation: str, state: State) -> Wait:
        timeouts = state.get("timeouts") or {}
        fallback = _DEFAULT_TIMEOUT.get((kind, operation), "2m")
        limit = timeouts.get(operation) or timeouts.get("default") or fallback
        return Wait(seconds(limit), self._stop)


class _Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):  # type: ignore[misc]
    """Ends the process when Terraform is done with it."""

    def __init__(self, over: threading.Event) -> None:
        self._over = over

    def Shutdown(self, request: Any, context: Any) -> Any:
        """Answer first, end then."""
        self._over.set()
        return grpc_controller_pb2.Empty()


class _Output(grpc_stdio_pb2_grpc.GRPCStdioServicer):  # type: ignore[misc]
    """What the provider prints; it prints nothing."""

    def StreamStdio(self, request: Any, context: Any) -> Iterator[Any]:
        """Give nothing."""
        return iter(())


def serve(version: str) -> int:
    """Serve one Terraform run as that version, until told that it is over; give the exit code."""
    if _COOKIE not in os.environ:
        sys.stderr.write(
            "This binary is a plugin. Terraform starts it; by itself it does nothing.\n"
        )
        return 1
    over = threading.Event()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=_THREADS))
    rpc.add_ProviderServicer_to_server(Provider(version), server)
    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(_Controller(over), server)
    grpc_stdio_pb2_grpc.add_GRPCStdioServicer_to_server(_Output(), server)
    with tempfile.TemporaryDirectory(prefix="plugin") as folder:
        path = f"{folder}/socket"
        certificate, credentials = _credentials()
        server.add_secure_port(f"unix://{path}", credentials)
        server.start()
        encoded = base64.b64encode(certificate).decode().rstrip("=")
        sys.stdout.write(f"1|6|unix|{path}|grpc|{encoded}\n")
        sys.stdout.flush()
        over.wait()
        server.stop(grace=1).wait()
    return 0


def _credentials() -> tuple[bytes, Any]:
    """Make a certificate for this run. Terraform learns it from our first line, and no other."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM)
    return (
        certificate.public_bytes(serialization.Encoding.DER),
        grpc.ssl_server_credentials([(private, chain)]),
    )


def _schema(block: schema.Block) -> Any:
    return pb.Schema(version=0, block=_block(block))


def _block(block: schema.Block) -> Any:
    return pb.Schema.Block(
        attributes=[_attribute(each) for each in block.attributes],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block(inner),
                nesting=pb.Schema.NestedBlock.SINGLE
                if inner.single
                else pb.Schema.NestedBlock.LIST,
                min_items=inner.minimum,
                max_items=inner.maximum,
            )
            for name, inner in block.blocks.items()
        ],
    )


def _attribute(attribute: schema.Attribute) -> Any:
    return pb.Schema.Attribute(
        name=attribute.name,
        type=attribute.kind.value.encode(),
        required=attribute.required,
        optional=attribute.optional,
        computed=attribute.computed,
    )


def _fault(summary: str, detail: str = "") -> Any:
    return pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=summary, detail=detail)


def _attribute_path(name: str) -> Any:
    return pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])
