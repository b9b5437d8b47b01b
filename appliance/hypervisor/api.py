"""Harvester's API: login and kubeconfig at the VIP, and the Kubernetes objects behind it.

Every failure is one StepError with the address, the reason and the next action. Secrets travel
only to a server that showed the certificate it is known by.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Self
from urllib.parse import quote

from appliance import advice
from appliance.errors import StepError
from appliance.hypervisor import kubeconfig as kubeconfigs
from appliance.hypervisor.objects import (
    ImageSeen,
    ImageState,
    VmSeen,
    has_tags,
    image_seen,
    images_seen,
    is_going,
    object_path,
    vms_seen,
)
from appliance.hypervisor.ready import why_not
from appliance.tools.pinned_https import (
    Authority,
    CertificateChangedError,
    ClientCertificate,
    Pin,
    PinnedHttps,
    Reply,
)
from appliance.values import Secret

ADMIN = "admin"
NAMESPACE = "default"
_LOGIN = "/v3-public/localProviders/local?action=login"
_CHANGE_PASSWORD = "/v3/users?action=changepassword"
_KUBECONFIG = "/v1/management.cattle.io.clusters/local?action=generateKubeconfig"
_IMAGES = "/apis/harvesterhci.io/v1beta1/namespaces/{}/virtualmachineimages"
_MACHINES = "/apis/kubevirt.io/v1/namespaces/{}/virtualmachines"
_INSTANCES = "/apis/kubevirt.io/v1/namespaces/{}/virtualmachineinstances"
_ORDERS = "/apis/subresources.kubevirt.io/v1/namespaces/{}/virtualmachines/{}/{}"
_MGMT = "/apis/network.harvesterhci.io/v1beta1/clusternetworks/mgmt"
_KINDS = (
    (_IMAGES.format(NAMESPACE), "images"),
    (_MACHINES.format(NAMESPACE), "virtual machines"),
    (_MGMT, "networks"),
)
_WORDS = 300
_LOGIN_MILLISECONDS = 3_600_000


class HarvesterApi:
    """One hypervisor's API, as whoever `token` or the client certificate says we are."""

    def __init__(self, line: PinnedHttps, *, prefix: str = "", token: Secret | None = None) -> None:
        self._line = line
        self._prefix = prefix
        self._token = token

    @classmethod
    def at(cls, vip: IPv4Address, fingerprint: str, *, port: int = 443) -> Self:
        """Stand before the VIP, known by its certificate's SHA-256; nobody is logged in."""
        return cls(PinnedHttps(str(vip), Pin(fingerprint), port=port))

    @classmethod
    def by(cls, kubeconfig: Secret) -> Self:
        """Come with a kubeconfig's own address, trust and identity. Raises StepError."""
        access = kubeconfigs.read(kubeconfig)
        client = None
        if access.certificate and access.key is not None:
            client = ClientCertificate(access.certificate, access.key)
        trust = Authority(access.authority, access.server_name)
        try:
            line = PinnedHttps(access.host, trust, port=access.port, client=client)
        except (OSError, ValueError) as error:
            raise StepError(
                "the hypervisor's kubeconfig cannot be used", why=str(error), fix="run again"
            ) from error
        return cls(line, prefix=access.path, token=access.token)

    def login(self, password: Secret) -> Secret | None:
        """Log in as admin, and give the token. None: the password is another."""
        body = {
            "username": ADMIN,
            "password": password.reveal(),
            "description": "bridgehead",
            "ttl": _LOGIN_MILLISECONDS,
        }
        reply = self._ask("POST", _LOGIN, body, known=(401,))
        if reply.status == 401:
            return None
        token = _text(reply, "token")
        if not token:
            raise self._strange("POST", _LOGIN, reply, "there is no token in it")
        self._token = Secret(token)
        return self._token

    def change_password(self, old: Secret, new: Secret) -> None:
        """Change admin's password. Who is logged in stays so."""
        body = {"currentPassword": old.reveal(), "newPassword": new.reveal()}
        self._ask("POST", _CHANGE_PASSWORD, body)

    def kubeconfig(self) -> Secret:
        """Have a kubeconfig made for the hypervisor's own cluster; each call makes a new token."""
        reply = self._ask("POST", _KUBECONFIG, {})
        config = _text(reply, "config")
        if not config:
            raise self._strange("POST", _KUBECONFIG, reply, "there is no config in it")
        return Secret(config)

    def why_not_ready(self) -> str:
        """Say what the API does not serve yet of what is needed here, "" if it serves all.

        Raises nothing: that nobody answers, or nobody knows us, is such a reason too.
        """
        for path, words in _KINDS:
            try:
                if self.get(path) is None:
                    return f"it does not serve {words} yet"
            except StepError as error:
                return f"{error.what} ({error.why})" if error.why else error.what
        return ""

    def get(self, path: str) -> Mapping[str, Any] | None:
        """Get an object or a list by its path. None: there is no such thing."""
        reply = self._ask("GET", self._prefix + path, known=(404,))
        return None if reply.status == 404 else self._document(path, reply)

    def put_secret(self, namespace: str, name: str, data: Mapping[str, Secret]) -> bool:
        """See to it that a Secret holds just this; say whether anything had to be changed."""
        path = f"/api/v1/namespaces/{quote(namespace)}/secrets"
        wanted = {
            key: base64.b64encode(each.reveal().encode()).decode() for key, each in data.items()
        }
        found = self.get(f"{path}/{quote(name)}")
        if found is not None and found.get("data") == wanted:
            return False
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/managed-by": "bridgehead"},
            },
            "type": "Opaque",
            "data": wanted,
        }
        if found is None:
            self._ask("POST", self._prefix + path, body)
            return True
        version = (found.get("metadata") or {}).get("resourceVersion")
        body["metadata"] |= {"resourceVersion": version} if version else {}
        self._ask("PUT", f"{self._prefix}{path}/{quote(name)}", body)
        return True

    def delete_secret(self, namespace: str, name: str) -> None:
        """See to it that there is no such Secret."""
        path = f"{self._prefix}/api/v1/namespaces/{quote(namespace)}/secrets/{quote(name)}"
        self._ask("DELETE", path, known=(404,))

    def vms(self, namespace: str = NAMESPACE) -> tuple[VmSeen, ...]:
        """Give every virtual machine with its state and addresses, by name."""
        machines = self._list(_MACHINES.format(quote(namespace)))
        instances = self._list(_INSTANCES.format(quote(namespace)))
        return vms_seen(machines, instances)

    def _list(self, path: str) -> Mapping[str, Any]:
        """Give a list. An empty one is there; one that is not there is not served."""
        found = self.get(path)
        if found is None:
            raise StepError(
                "the hypervisor serves no virtual machines yet",
                where=self._line.address,
                why=f"there is no {path}",
                fix="it is still starting: run again to continue",
            )
        return found

    def start_vm(self, name: str, namespace: str = NAMESPACE) -> None:
        """Order a virtual machine to run; one that runs is left alone."""
        self._order("start", name, namespace)

    def stop_vm(self, name: str, namespace: str = NAMESPACE) -> None:
        """Order a virtual machine to shut down and stay so; one that is down is left alone."""
        self._order("stop", name, namespace)

    def restart_vm(self, name: str, namespace: str = NAMESPACE) -> None:
        """Order a virtual machine to start anew. Raises StepError where it does not run."""
        self._ask(
            "PUT", self._prefix + _ORDERS.format(quote(namespace), quote(name), "restart"), {}
        )

    def attach_devices(
        self, name: str, devices: Mapping[str, str], namespace: str = NAMESPACE
    ) -> bool:
        """See to it that a virtual machine has just these devices of the host; say if it changed.

        `devices`: names in the machine to Harvester's resource names. It takes them at its next
        start. Raises StepError where there is no such machine.
        """
        path = f"{_MACHINES.format(quote(namespace))}/{quote(name)}"
        document = self.get(path)
        if document is None:
            raise StepError(
                f"the hypervisor has no virtual machine {name}",
                where=self._line.address,
                fix="run again to continue",
            )
        wanted = [{"name": each, "deviceName": devices[each]} for each in sorted(devices)]
        try:
            inner = document["spec"]["template"]["spec"]["domain"]["devices"]
        except (KeyError, TypeError) as error:
            raise StepError(
                f"the virtual machine {name} is not as documented",
                where=self._line.address,
                why=f"it has no {error}",
                fix="look at it on Harvester's own page",
            ) from error
        if (inner.get("hostDevices") or []) == wanted:
            return False
        inner["hostDevices"] = wanted
        self._ask("PUT", self._prefix + path, document)
        return True

    def image(self, name: str, namespace: str = NAMESPACE) -> ImageSeen | None:
        """Give an image's state, with the reason of a failed import. None: there is none."""
        found = self.get(f"{_IMAGES.format(quote(namespace))}/{quote(name)}")
        return None if found is None else image_seen(found)

    def failed_images(self, namespace: str = NAMESPACE) -> Mapping[str, str]:
        """Give the images whose import failed for good, as "image <name>", each with the reason.

        Nothing where none did, and where nobody answers just now: whoever waits goes on waiting.
        """
        try:
            images = images_seen(self.get(_IMAGES.format(quote(namespace))) or {})
        except StepError:
            return {}
        failed = (each for each in images if each.state is ImageState.FAILED)
        return {f"image {each.name}": each.reason for each in failed}

    def existing(self, kind: str, values: Mapping[str, Any]) -> str | None:
        """Give the id of what a Terraform resource is to make, where it is there already.

        So an apply that was killed before it noted what it had made is gone on with. `kind` is the
        resource's type, `values` its arguments; only what bears its tags is ours. An image of ours
        whose import failed for good is removed, to be made anew. Raises StepError for something of
        the same name that is not ours, or that is just being removed.
        """
        namespace, name = str(values.get("namespace") or NAMESPACE), str(values.get("name"))
        path = object_path(kind, namespace, name)
        found = None if path is None else self.get(path)
        if path is None or found is None:
            return None
        if not has_tags(found, values.get("tags") or {}):
            raise self._in_the_way(kind, name, "it is not of this site", "remove or rename it")
        if is_going(found):
            raise self._in_the_way(kind, name, "it is just being removed", "wait a minute")
        if kind == "harvester_image" and image_seen(found).state is ImageState.FAILED:
            self._ask("DELETE", self._prefix + path, known=(404,))
            return None
        return f"{namespace}/{name}"

    def _in_the_way(self, kind: str, name: str, why: str, fix: str) -> StepError:
        words = kind.removeprefix("harvester_").replace("_", " ")
        return StepError(
            f"{words} {name} is on the hypervisor already",
            where=self._line.address,
            why=why,
            fix=f"{fix}, then run again",
        )

    def _order(self, order: str, name: str, namespace: str) -> None:
        """Give an order. KubeVirt answers 409 where it is carried out already."""
        path = self._prefix + _ORDERS.format(quote(namespace), quote(name), order)
        self._ask("PUT", path, {}, known=(409,))

    def _ask(
        self, method: str, path: str, body: object = None, *, known: tuple[int, ...] = ()
    ) -> Reply:
        headers = {"Accept": "application/json"}
        if self._token is not None and path != _LOGIN:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        sent = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            sent = json.dumps(body).encode()
        try:
            reply = self._line.request(method, path, headers=headers, body=sent)
        except CertificateChangedError as error:
            raise changed(self._line.address, error) from error
        except OSError as error:
            raise StepError(
                "the hypervisor's API does not answer",
                where=self._line.address,
                why=why_not(error),
                fix="see to the hypervisor's machines, then run again to continue",
            ) from error
        if 200 <= reply.status < 300 or reply.status in known:
            return reply
        raise self._refused(method, path, reply)

    def _document(self, path: str, reply: Reply) -> Mapping[str, Any]:
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise self._strange("GET", path, reply, "it is no JSON object")
        return document

    def _refused(self, method: str, path: str, reply: Reply) -> StepError:
        fix = "run again to continue"
        if reply.status in (401, 403):
            fix = "run again: the hypervisor is logged in to anew"
        return StepError(
            f"the hypervisor refused {method} {path} with {reply.status}",
            where=self._line.address,
            why=_message(reply),
            fix=fix,
        )

    def _strange(self, method: str, path: str, reply: Reply, why: str) -> StepError:
        return StepError(
            f"what answers {method} {path} is not Harvester as documented",
            where=self._line.address,
            why=f"{reply.status}, but {why}",
            fix="is the VIP's address taken by something else? Look at its page in a browser",
        )


def changed(address: str, error: CertificateChangedError) -> StepError:
    """Refuse a server that shows another certificate than at first contact."""
    return StepError(
        "the hypervisor shows another certificate than at first contact: nothing was sent to it",
        where=address,
        why=f"known is {error.known}, shown is {error.found}",
        fix="find out who answers at this address; if the hypervisor was installed anew, "
        f"{advice.undo_first()}",
    )


def _text(reply: Reply, key: str) -> str:
    """Give one text of a JSON answer; never a part of an answer that holds it (it is secret)."""
    try:
        found = json.loads(reply.body)[key]
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    return found if isinstance(found, str) else ""


def _message(reply: Reply) -> str:
    """Give what Kubernetes or Rancher say for people, else the beginning of what stands there."""
    said = _text(reply, "message") or _text(reply, "detail") or _text(reply, "code")
    line = " ".join((said or reply.body[:_WORDS].decode("utf-8", "replace")).split())
    return line[:_WORDS]
